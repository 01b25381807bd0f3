// thrum/requests/requests.hpp: floor 4, requests
// Everything on the requests floor.
#pragma once

#include <thrum/requests/api.hpp>
#include <thrum/requests/auth.hpp>
#include <thrum/requests/cookies.hpp>
#include <thrum/requests/errors.hpp>
#include <thrum/requests/json_body.hpp>
#include <thrum/requests/masking.hpp>
#include <thrum/requests/options.hpp>
#include <thrum/requests/pairs.hpp>
#include <thrum/requests/response.hpp>
#include <thrum/requests/session.hpp>
