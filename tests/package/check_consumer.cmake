# cmake -DHOW=... -DCOMPONENTS=... -DCOMPILER=... -DGENERATOR=... -DMAKE_PROGRAM=... -DSOURCE=... -DSCRATCH=... -P check_consumer.cmake

cmake_policy(VERSION 3.25)

set(here "${CMAKE_CURRENT_LIST_DIR}")
set(quickstart "${SOURCE}/examples/quickstart/quickstart.cpp")
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")

# run(WHAT COMMAND...): the command must succeed; its output is then in `output`.
function(run what)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${what} failed (${status}):\n${output}")
    endif()
    set(output "${output}" PARENT_SCOPE)
endfunction()

# run_configure(PROJECT OPTIONS...): configures a project of this folder into SCRATCH/build.
set(configure
    "${CMAKE_COMMAND}" -G "${GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    -B "${SCRATCH}/build" "-DZEROTH_SOURCE=${SOURCE}" "-DQUICKSTART=${quickstart}"
)
set(nothing_else "-DCMAKE_PROJECT_TOP_LEVEL_INCLUDES=${here}/refuse_dependencies.cmake")

function(install_to_prefix)
    run(
        "configuring zeroth to install it"
        "${CMAKE_COMMAND}" -G "${GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
        -S "${SOURCE}" -B "${SCRATCH}/zeroth" "-DCMAKE_INSTALL_PREFIX=${SCRATCH}/prefix" -DZEROTH_BUILD_TESTS=OFF
        -DZEROTH_BUILD_EXAMPLES=OFF -DZEROTH_SIMD=OFF -DZEROTH_OPENMP=OFF ${nothing_else}
    )
    run("installing zeroth" "${CMAKE_COMMAND}" --install "${SCRATCH}/zeroth")
    # What is found from here on is the installed copy: the package names no place of the source's.
    file(GLOB_RECURSE files "${SCRATCH}/prefix/*.cmake")
    foreach(file IN LISTS files)
        file(READ "${file}" text)
        string(FIND "${text}" "${SOURCE}/" position)
        if(NOT position EQUAL -1)
            message(FATAL_ERROR "${file} names the source folder")
        endif()
    endforeach()
endfunction()

function(build_and_run)
    run("building" "${CMAKE_COMMAND}" --build "${SCRATCH}/build" --config Release)
    run("the program" "${SCRATCH}/build/consumer")
    if(NOT output MATCHES "step +[0-9]+  loss")
        message(FATAL_ERROR "the program printed:\n${output}")
    endif()
    message(STATUS "the program printed:\n${output}")
endfunction()

if(HOW STREQUAL "include")
    run("compiling" "${COMPILER}" -std=c++20 -O1 "-I${SOURCE}/include" "${quickstart}" -o "${SCRATCH}/consumer")
    run("the program" "${SCRATCH}/consumer")
    if(NOT output MATCHES "step +[0-9]+  loss")
        message(FATAL_ERROR "the program printed:\n${output}")
    endif()
elseif(HOW STREQUAL "subdirectory" OR HOW STREQUAL "fetch_content")
    run("configuring" ${configure} -S "${here}/consumer" "-DHOW=${HOW}" ${nothing_else})
    build_and_run()
elseif(HOW STREQUAL "find_package")
    install_to_prefix()
    run(
        "configuring" ${configure} -S "${here}/consumer" "-DHOW=${HOW}" ${nothing_else}
        "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix"
    )
    build_and_run()
elseif(HOW STREQUAL "find_package_version" OR HOW STREQUAL "find_package_component")
    install_to_prefix()
    run("configuring" ${configure} -S "${here}/refused" "-DHOW=${HOW}" "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix")
elseif(HOW STREQUAL "subdirectory_simd")
    run("configuring" ${configure} -S "${here}/components" "-DHOW=${HOW}")
    build_and_run()
elseif(HOW STREQUAL "find_package_simd")
    install_to_prefix()
    run("configuring" ${configure} -S "${here}/components" "-DHOW=${HOW}" "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix")
    build_and_run()
elseif(HOW STREQUAL "find_package_any")
    # Without optimising and without xsimd: what is looked at is that it is found, compiled and linked.
    install_to_prefix()
    run(
        "configuring" ${configure} -S "${here}/any" "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix" "-DCMAKE_BUILD_TYPE=Debug"
        "-DCMAKE_CXX_FLAGS_DEBUG=-O0"
    )
    build_and_run()
elseif(HOW STREQUAL "export_set" OR HOW STREQUAL "export_set_find_package")
    # ${prefix} is the project's; with zeroth as a subdirectory it has nothing of zeroth until that is asked for.
    set(prefix "${SCRATCH}/prefix")
    if(HOW STREQUAL "export_set_find_package")
        install_to_prefix()
    endif()
    string(REPLACE ";" "\\;" components "${COMPONENTS}")
    run(
        "configuring" ${configure} -S "${here}/exported" "-DHOW=${HOW}" "-DCOMPONENTS=${components}"
        "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_BUILD_TYPE=Release
    )
    run("building" "${CMAKE_COMMAND}" --build "${SCRATCH}/build" --config Release)
    run("installing" "${CMAKE_COMMAND}" --install "${SCRATCH}/build" --config Release --prefix "${prefix}")
    if(HOW STREQUAL "export_set")
        if(EXISTS "${prefix}/include")
            message(FATAL_ERROR "zeroth was installed with a project that has not asked for it:\n${output}")
        endif()
        run("installing zeroth" "${CMAKE_COMMAND}" --install "${SCRATCH}/build" --prefix "${prefix}" --component zeroth)
    endif()
    list(TRANSFORM configure REPLACE "/build$" "/build_consumer")
    run(
        "configuring the program" ${configure} -S "${here}/exported" "-DMINE=${prefix}/lib/cmake/mine"
        "-DCOMPONENTS=${components}" "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_BUILD_TYPE=Release
    )
    run("building the program" "${CMAKE_COMMAND}" --build "${SCRATCH}/build_consumer" --config Release)
    run("the program" "${SCRATCH}/build_consumer/consumer")
    if(NOT output MATCHES "step 10  loss 0")
        message(FATAL_ERROR "the program printed:\n${output}")
    endif()
elseif(HOW MATCHES "^again_")
    if(NOT HOW STREQUAL "again_subdirectory")
        install_to_prefix()
    endif()
    run("configuring" ${configure} -S "${here}/again" "-DHOW=${HOW}" "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix")
    if(output MATCHES "CMake Warning")
        message(FATAL_ERROR "configuring warns:\n${output}")
    endif()
    build_and_run()
else()
    message(FATAL_ERROR "unknown way to consume zeroth: ${HOW}")
endif()
