# zeroth::openmp: zeroth with the threads of OpenMP. Expects the target OpenMP::OpenMP_CXX.

if(NOT TARGET zeroth::openmp)
    add_library(zeroth::openmp INTERFACE IMPORTED ${zeroth_component_scope})
    target_link_libraries(zeroth::openmp INTERFACE zeroth::zeroth OpenMP::OpenMP_CXX)
endif()
