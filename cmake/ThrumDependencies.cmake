# What the library stands on. Read by the house's own build and, installed, by find_package(thrum), so that both
# find the same; cmake/packages.txt names the Debian packages.
include(CMakeFindDependencyMacro)

macro(thrum_depend)
    if(CMAKE_FIND_PACKAGE_NAME STREQUAL "thrum")
        find_dependency(${ARGV})
    else()
        find_package(${ARGV} REQUIRED)
    endif()
endmacro()

thrum_depend(Threads)
thrum_depend(fmt)
thrum_depend(Boost 1.81 COMPONENTS context)
thrum_depend(OpenSSL 3)
thrum_depend(nlohmann_json 3.11)
thrum_depend(ZLIB)
thrum_depend(PkgConfig)
if(NOT TARGET PkgConfig::URING)
    pkg_check_modules(URING REQUIRED QUIET IMPORTED_TARGET GLOBAL liburing>=2.3)
endif()
