// thrum/base/base.hpp: floor 0, base
// Everything on the ground floor.
#pragma once

#include <thrum/base/descriptor_shortage.hpp>
#include <thrum/base/errors.hpp>
#include <thrum/base/file.hpp>
#include <thrum/base/text.hpp>
