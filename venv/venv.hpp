// thrum/venv/venv.hpp: floor 5, venv
// Everything about virtual environments.
#pragma once

#include <thrum/venv/activation.hpp>
#include <thrum/venv/configuration.hpp>
#include <thrum/venv/create.hpp>
#include <thrum/venv/environment.hpp>
#include <thrum/venv/errors.hpp>
#include <thrum/venv/interpreter.hpp>
#include <thrum/venv/packages.hpp>
#include <thrum/venv/process.hpp>
