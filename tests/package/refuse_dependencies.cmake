# A provider of dependencies that lets zeroth through and refuses the rest.

macro(refuse_dependency method name)
    if("${method}" STREQUAL "FIND_PACKAGE" AND NOT "${name}" STREQUAL "zeroth")
        message(FATAL_ERROR "a package was looked for: ${name}")
    elseif("${method}" STREQUAL "FETCHCONTENT_MAKEAVAILABLE_SERIAL" AND NOT "${name}" STREQUAL "zeroth")
        message(FATAL_ERROR "a source was to be fetched: ${name}")
    endif()
endmacro()

cmake_language(
    SET_DEPENDENCY_PROVIDER refuse_dependency
    SUPPORTED_METHODS FIND_PACKAGE FETCHCONTENT_MAKEAVAILABLE_SERIAL
)
