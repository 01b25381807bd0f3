// thrum/http/http.hpp: floor 3, http
// Everything on the HTTP floor.
#pragma once

#include <thrum/http/form.hpp>
#include <thrum/http/headers.hpp>
#include <thrum/http/url.hpp>
