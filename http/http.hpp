// thrum/http/http.hpp: floor 3, http
// Everything on the HTTP floor.
#pragma once

#include <thrum/http/body_decoder.hpp>
#include <thrum/http/form.hpp>
#include <thrum/http/headers.hpp>
#include <thrum/http/json.hpp>
#include <thrum/http/parse_error.hpp>
#include <thrum/http/parser.hpp>
#include <thrum/http/request.hpp>
#include <thrum/http/response.hpp>
#include <thrum/http/server.hpp>
#include <thrum/http/status.hpp>
#include <thrum/http/url.hpp>
