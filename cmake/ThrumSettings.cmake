# What every target of the house is compiled with.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Build type" FORCE)
endif()

find_program(THRUM_CCACHE ccache)
if(THRUM_CCACHE AND PROJECT_IS_TOP_LEVEL)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${THRUM_CCACHE})
endif()

add_library(thrum_settings INTERFACE)
target_compile_options(thrum_settings INTERFACE -Wall -Wextra $<$<BOOL:${THRUM_WERROR}>:-Werror>)
# g++ 12 sees overlapping copies in plain std::string concatenation once it optimises (GCC bug 105651).
target_compile_options(thrum_settings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(THRUM_SANITIZE)
    target_compile_options(thrum_settings INTERFACE -fsanitize=${THRUM_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(thrum_settings INTERFACE -fsanitize=${THRUM_SANITIZE})
    # g++ says so by itself; clang 14 only through __has_feature.
    if(THRUM_SANITIZE MATCHES address)
        target_compile_options(thrum_settings INTERFACE $<$<CXX_COMPILER_ID:Clang>:-D__SANITIZE_ADDRESS__=1>)
    elseif(THRUM_SANITIZE MATCHES thread)
        target_compile_options(thrum_settings INTERFACE $<$<CXX_COMPILER_ID:Clang>:-D__SANITIZE_THREAD__=1>)
    endif()
    if(THRUM_SANITIZE MATCHES undefined)
        target_compile_options(thrum_settings INTERFACE -fno-sanitize-recover=undefined)
    endif()
endif()
if(THRUM_FUZZ)
    # Every floor is watched for new paths; the fuzzers alone link libFuzzer's main.
    target_compile_options(thrum_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
