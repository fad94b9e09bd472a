# zeroth::openmp: zeroth with the threads of OpenMP. Expects the target OpenMP::OpenMP_CXX.

if(NOT TARGET zeroth::openmp)
    add_library(zeroth_openmp INTERFACE)
    add_library(zeroth::openmp ALIAS zeroth_openmp)
    target_link_libraries(zeroth_openmp INTERFACE zeroth::zeroth OpenMP::OpenMP_CXX)
endif()
