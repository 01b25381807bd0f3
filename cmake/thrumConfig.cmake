# find_package(thrum CONFIG REQUIRED [COMPONENTS threads sockets ...]) gives thrum::base, thrum::threads and so on, one
# target per floor; each brings the floors and the libraries beneath it.
include(${CMAKE_CURRENT_LIST_DIR}/ThrumDependencies.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/thrumTargets.cmake)

foreach(component IN LISTS thrum_FIND_COMPONENTS)
    if(TARGET thrum::${component})
        set(thrum_${component}_FOUND TRUE)
    else()
        set(thrum_${component}_FOUND FALSE)
        if(thrum_FIND_REQUIRED_${component})
            set(thrum_FOUND FALSE)
            set(thrum_NOT_FOUND_MESSAGE "thrum has no floor called '${component}'.")
        endif()
    endif()
endforeach()
