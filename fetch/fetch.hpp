// thrum/fetch/fetch.hpp: floor 5, fetch
// Everything on the floor of downloads: many at once, named safely, shown and drawn.
#pragma once

#include <thrum/fetch/change.hpp>
#include <thrum/fetch/download.hpp>
#include <thrum/fetch/figures.hpp>
#include <thrum/fetch/frame.hpp>
#include <thrum/fetch/naming.hpp>
#include <thrum/fetch/progress.hpp>
#include <thrum/fetch/reporter.hpp>
#include <thrum/fetch/utf8.hpp>
#include <thrum/fetch/waterfall.hpp>
