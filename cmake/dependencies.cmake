# Third-party libraries: what is installed is used, what is not is downloaded, pinned by version and checksum.
#
# Each function provides one library and may be called any number of times. Nothing happens until one is called, and for
# a consumer of the headers none is. To build without a network, install the libraries, or name an unpacked source with
# FETCHCONTENT_SOURCE_DIR_<NAME>.

include_guard(GLOBAL)
include(FetchContent)

# zeroth_fetch(NAME URL SHA256 [HEADERS_ONLY]): HEADERS_ONLY unpacks the archive and leaves its CMakeLists.txt alone.
macro(zeroth_fetch name url sha256)
    message(STATUS "zeroth: ${name} is not installed; using ${url}")
    set(zeroth_fetch_options "")
    if("HEADERS_ONLY" IN_LIST ARGN)
        set(zeroth_fetch_options SOURCE_SUBDIR zeroth-adds-no-subdirectory)
    endif()
    FetchContent_Declare(
        ${name}
        URL "${url}"
        URL_HASH "SHA256=${sha256}"
        DOWNLOAD_EXTRACT_TIMESTAMP ON
        ${zeroth_fetch_options}
    )
    FetchContent_MakeAvailable(${name})
endmacro()

# zeroth_header_target(TARGET DIRECTORY): an imported interface target with one directory of headers.
function(zeroth_header_target target directory)
    if(NOT TARGET ${target})
        add_library(${target} INTERFACE IMPORTED GLOBAL)
        target_include_directories(${target} SYSTEM INTERFACE "${directory}")
    endif()
endfunction()

# Eigen3::Eigen, 3.4 or 5.
function(zeroth_provide_eigen)
    if(TARGET Eigen3::Eigen)
        return()
    endif()
    # No version is asked for: Eigen's package takes 5 for incompatible with 3.4, and it is not.
    find_package(Eigen3 QUIET GLOBAL NO_MODULE)
    if(Eigen3_FOUND AND Eigen3_VERSION VERSION_GREATER_EQUAL 3.4)
        return()
    endif()
    zeroth_fetch(
        eigen
        https://gitlab.com/libeigen/eigen/-/archive/3.4.0/eigen-3.4.0.tar.gz
        8586084f71f9bde545ee7fa6d00288b264a2b7ac3607b974e54d13e7162c1c72
        HEADERS_ONLY
    )
    zeroth_header_target(Eigen3::Eigen "${eigen_SOURCE_DIR}")
endfunction()

# xsimd, 8.1 or newer.
function(zeroth_provide_xsimd)
    if(TARGET xsimd)
        return()
    endif()
    # No version is asked for: xsimd's package takes every other major version for incompatible.
    find_package(xsimd QUIET GLOBAL CONFIG)
    if(xsimd_FOUND AND xsimd_VERSION VERSION_GREATER_EQUAL 8.1)
        return()
    endif()
    zeroth_fetch(
        xsimd
        https://github.com/xtensor-stack/xsimd/archive/refs/tags/13.2.0.tar.gz
        edd8cd3d548c185adc70321c53c36df41abe64c1fe2c67bc6d93c3ecda82447a
        HEADERS_ONLY
    )
    zeroth_header_target(xsimd "${xsimd_SOURCE_DIR}/include")
endfunction()

# CLI11::CLI11.
function(zeroth_provide_cli11)
    if(TARGET CLI11::CLI11)
        return()
    endif()
    find_package(CLI11 QUIET GLOBAL CONFIG)
    if(CLI11_FOUND AND CLI11_VERSION VERSION_GREATER_EQUAL 2.1)
        return()
    endif()
    zeroth_fetch(
        cli11
        https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.6.2.tar.gz
        c6ea6b2e5608b3ea8617999bd5f47420c71b2ebdb8dc4767c1034d1da5785711
        HEADERS_ONLY
    )
    zeroth_header_target(CLI11::CLI11 "${cli11_SOURCE_DIR}/include")
endfunction()

# nlohmann_json::nlohmann_json.
function(zeroth_provide_json)
    if(TARGET nlohmann_json::nlohmann_json)
        return()
    endif()
    find_package(nlohmann_json 3.9 QUIET GLOBAL CONFIG)
    if(nlohmann_json_FOUND)
        return()
    endif()
    zeroth_fetch(
        nlohmann_json
        https://github.com/nlohmann/json/releases/download/v3.12.0/json.tar.xz
        42f6e95cad6ec532fd372391373363b62a14af6d771056dbfc86160e6dfff7aa
        HEADERS_ONLY
    )
    zeroth_header_target(nlohmann_json::nlohmann_json "${nlohmann_json_SOURCE_DIR}/include")
endfunction()

# Catch2::Catch2WithMain, version 3.
function(zeroth_provide_catch2)
    if(TARGET Catch2::Catch2WithMain)
        return()
    endif()
    find_package(Catch2 3.3 QUIET GLOBAL CONFIG)
    if(Catch2_FOUND)
        return()
    endif()
    zeroth_fetch(
        Catch2
        https://github.com/catchorg/Catch2/archive/refs/tags/v3.7.1.tar.gz
        c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c
    )
    # Warnings in its headers are not ours. (FetchContent_Declare's SYSTEM spoils the checksum in CMake 3.25.1.)
    set_target_properties(Catch2 Catch2WithMain PROPERTIES SYSTEM ON)
endfunction()

# benchmark::benchmark_main.
function(zeroth_provide_benchmark)
    if(TARGET benchmark::benchmark_main)
        return()
    endif()
    find_package(benchmark 1.7 QUIET GLOBAL CONFIG)
    if(benchmark_FOUND)
        return()
    endif()
    set(BENCHMARK_ENABLE_TESTING OFF CACHE INTERNAL "")
    set(BENCHMARK_ENABLE_INSTALL OFF CACHE INTERNAL "")
    set(BENCHMARK_ENABLE_WERROR OFF CACHE INTERNAL "")
    zeroth_fetch(
        benchmark
        https://github.com/google/benchmark/archive/refs/tags/v1.9.1.tar.gz
        32131c08ee31eeff2c8968d7e874f3cb648034377dfc32a4c377fa8796d84981
    )
    set_target_properties(benchmark benchmark_main PROPERTIES SYSTEM ON)
endfunction()

# zeroth_cairo, where cairo is installed: draws plots as PNG. It is never fetched; without it plots are SVG alone.
function(zeroth_provide_cairo)
    if(TARGET zeroth_cairo)
        return()
    endif()
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(cairo QUIET IMPORTED_TARGET GLOBAL cairo)
    endif()
    if(TARGET PkgConfig::cairo)
        add_library(zeroth_cairo INTERFACE)
        target_link_libraries(zeroth_cairo INTERFACE PkgConfig::cairo)
        target_compile_definitions(zeroth_cairo INTERFACE ZEROTH_HAS_CAIRO=1)
    else()
        message(STATUS "zeroth: cairo is not installed; plots can be written as SVG, not as PNG")
    endif()
endfunction()
