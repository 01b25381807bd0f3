# thrum_floor(NAME [LINKS floor...] [LIBRARIES library...] [PRIVATE_LIBRARIES library...])
# makes the static library thrum::NAME of all rooms in the current folder, and NAME_test of all its *_test.cpp.
# Its public include root, build/include/NAME, holds this floor alone (a symbolic link), so a header of a higher
# floor cannot be included; LINKS that climb stop the configuration, and so does target_link_libraries later on.

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/../LAYERS thrum_layers REGEX "^[^#]")

# Sets `out` to the names of all floors, lowest first.
function(thrum_floor_names out)
    string(REPLACE " " ";" names "${thrum_layers}")
    set(${out} ${names} PARENT_SCOPE)
endfunction()

# Sets `out` to the number of the line on which LAYERS names `floor`; -1 where it does not.
function(thrum_level floor out)
    set(level 0)
    foreach(line IN LISTS thrum_layers)
        string(REPLACE " " ";" names "${line}")
        if(floor IN_LIST names)
            set(${out} ${level} PARENT_SCOPE)
            return()
        endif()
        math(EXPR level "${level} + 1")
    endforeach()
    set(${out} -1 PARENT_SCOPE)
endfunction()

function(thrum_check_link floor link)
    thrum_level(${floor} own)
    thrum_level(${link} other)
    if(other EQUAL -1 OR own EQUAL -1)
        message(FATAL_ERROR "LAYERS does not name both '${floor}' and '${link}'. Add the missing floor to LAYERS.")
    endif()
    if(NOT other LESS own)
        message(FATAL_ERROR "Floor '${floor}' may not link '${link}': LAYERS puts it beside or above. "
                            "Move the shared part to a lower floor.")
    endif()
endfunction()

# Checks what every floor really links, however it came to link it, and whatever its users are made to link.
# Called once, last.
function(thrum_check_layers)
    get_property(floors GLOBAL PROPERTY THRUM_FLOORS)
    foreach(floor IN LISTS floors)
        get_target_property(own thrum_${floor} LINK_LIBRARIES)
        get_target_property(passed_on thrum_${floor} INTERFACE_LINK_LIBRARIES)
        foreach(link IN LISTS own passed_on)
            string(REGEX MATCHALL "thrum(::|_)[a-z]+" names "${link}")
            foreach(name IN LISTS names)
                string(REGEX REPLACE "^thrum(::|_)" "" name ${name})
                if(NOT name STREQUAL "settings" AND NOT name STREQUAL floor)
                    thrum_check_link(${floor} ${name})
                endif()
            endforeach()
        endforeach()
    endforeach()
endfunction()

# Makes build/include/NAME. The umbrella is a file of its own, for an installed symbolic link would point here.
function(thrum_include_root name)
    set(root ${PROJECT_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${root}/thrum)
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/thrum/${name} SYMBOLIC)
    file(CONFIGURE OUTPUT ${root}/thrum/${name}.hpp @ONLY CONTENT
         "// thrum/@name@.hpp: everything of the floor @name@.\n#pragma once\n\n#include <thrum/@name@/@name@.hpp>\n")
endfunction()

function(thrum_floor name)
    cmake_parse_arguments(FLOOR "" "" "LINKS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
    foreach(link IN LISTS FLOOR_LINKS)
        thrum_check_link(${name} ${link})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY THRUM_FLOORS ${name})

    thrum_include_root(${name})
    set(root ${PROJECT_BINARY_DIR}/include/${name})

    file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp)
    list(FILTER sources EXCLUDE REGEX "/internal/model/")  # programs of their own
    set(tests ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
    list(FILTER sources EXCLUDE REGEX "(_test|_bench|_fuzz|/main)\\.cpp$")

    add_library(thrum_${name} STATIC ${sources})
    add_library(thrum::${name} ALIAS thrum_${name})
    set_target_properties(thrum_${name} PROPERTIES EXPORT_NAME ${name})
    file(GLOB_RECURSE headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} CONFIGURE_DEPENDS *.hpp)
    list(FILTER headers EXCLUDE REGEX "_fixture\\.hpp$|internal/model/")  # for tests alone, so not installed
    list(TRANSFORM headers PREPEND ${root}/thrum/${name}/)
    target_sources(thrum_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${root}
                   FILES ${root}/thrum/${name}.hpp ${headers})
    set_target_properties(thrum_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
    target_compile_features(thrum_${name} PUBLIC cxx_std_20)
    list(TRANSFORM FLOOR_LINKS PREPEND thrum::)
    target_link_libraries(thrum_${name} PUBLIC ${FLOOR_LINKS} ${FLOOR_LIBRARIES}
                          PRIVATE ${FLOOR_PRIVATE_LIBRARIES} $<BUILD_INTERFACE:thrum_settings>)

    if(THRUM_TESTS AND tests)
        thrum_test(${name}_test SOURCES ${tests} LINKS thrum::${name})
    endif()
endfunction()

# thrum_test(NAME SOURCES file... LINKS library...): a GoogleTest program, run once on each reactor.
function(thrum_test name)
    cmake_parse_arguments(TEST "" "" "SOURCES;LINKS" ${ARGN})
    find_package(GTest REQUIRED)
    add_executable(${name} ${TEST_SOURCES})
    target_link_libraries(${name} PRIVATE ${TEST_LINKS} thrum_settings GTest::gtest GTest::gtest_main)
    target_compile_definitions(${name} PRIVATE THRUM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                               THRUM_BINARY_DIR="${PROJECT_BINARY_DIR}")
    foreach(reactor IN ITEMS io_uring epoll)
        add_test(NAME ${name}.${reactor} COMMAND ${name})
        set_tests_properties(${name}.${reactor} PROPERTIES LABELS floor TIMEOUT 600
                             ENVIRONMENT THRUM_REACTOR=${reactor})
    endforeach()
endfunction()
