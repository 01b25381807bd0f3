# cmake --install: the floors and their headers, find_package(thrum CONFIG), pkg-config files and the command.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/thrum)
get_property(floors GLOBAL PROPERTY THRUM_FLOORS)
list(REMOVE_ITEM floors cli)  # the command's own insides; nobody links them

foreach(floor IN LISTS floors)
    install(TARGETS thrum_${floor} EXPORT thrum FILE_SET HEADERS)
endforeach()
install(EXPORT thrum NAMESPACE thrum:: FILE thrumTargets.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/thrumConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/thrumConfig.cmake cmake/ThrumDependencies.cmake ${PROJECT_BINARY_DIR}/thrumConfigVersion.cmake
        DESTINATION ${package_dir})
if(TARGET thrum)
    install(TARGETS thrum)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/documents/ DESTINATION ${CMAKE_INSTALL_DATADIR} OPTIONAL)
endif()

# The prefix as seen from the folder of the .pc files, so that an installed copy may be moved.
cmake_path(SET pc_dir NORMALIZE ${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${pc_dir} OUTPUT_VARIABLE thrum_prefix_from_pc)

# pkg-config: what CMake calls a library, and how pkg-config (or the linker) does.
set(pc_module_fmt::fmt fmt)
set(pc_module_OpenSSL::SSL libssl)
set(pc_module_OpenSSL::Crypto libcrypto)
set(pc_module_ZLIB::ZLIB zlib)
set(pc_module_PkgConfig::URING liburing)
set(pc_module_PkgConfig::PSL libpsl)
set(pc_module_nlohmann_json::nlohmann_json nlohmann_json)
set(pc_flag_Boost::context -lboost_context)
set(pc_flag_Threads::Threads -pthread)
set(pc_flag_backtrace -lbacktrace)
set(pc_flag_dl -ldl)

# Writes thrum-FLOOR.pc. The floors are static libraries, so everything they need stands under Requires and Libs:
# a user who does not say --static has to link it too.
function(thrum_pkg_config floor)
    set(requires "")
    set(flags "")
    get_target_property(links thrum_${floor} LINK_LIBRARIES)
    foreach(link IN LISTS links)
        if(link MATCHES "^thrum::(.*)$")
            list(APPEND requires "thrum-${CMAKE_MATCH_1} = ${PROJECT_VERSION}")
        elseif(DEFINED pc_module_${link})
            list(APPEND requires ${pc_module_${link}})
        elseif(DEFINED pc_flag_${link})
            list(APPEND flags ${pc_flag_${link}})
        elseif(NOT link MATCHES "thrum_settings")
            message(FATAL_ERROR "Floor '${floor}' links ${link}, for which pkg-config has no name yet. "
                                "Add it to cmake/ThrumInstall.cmake and cmake/ThrumDependencies.cmake.")
        endif()
    endforeach()
    list(JOIN requires ", " requires)
    list(JOIN flags " " flags)
    set(libs "-L\${libdir} -lthrum_${floor} ${flags}")
    configure_file(cmake/thrum.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/thrum-${floor}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/thrum-${floor}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

foreach(floor IN LISTS floors)
    thrum_pkg_config(${floor})
endforeach()

# thrum.pc is the whole house.
list(TRANSFORM floors PREPEND "thrum-" OUTPUT_VARIABLE requires)
list(TRANSFORM requires APPEND " = ${PROJECT_VERSION}")
list(JOIN requires ", " requires)
set(floor "all floors")
set(libs "")
configure_file(cmake/thrum.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/thrum.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/thrum.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# For debuggers.
install(FILES threads/gdb/thrum-gdb.py DESTINATION ${CMAKE_INSTALL_DATADIR}/thrum)
