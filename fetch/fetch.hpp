// thrum/fetch/fetch.hpp: floor 5, fetch
// Everything on the floor of downloads: many at once, named safely, shown and drawn.
#pragma once

#include <thrum/fetch/naming.hpp>
#include <thrum/fetch/utf8.hpp>
