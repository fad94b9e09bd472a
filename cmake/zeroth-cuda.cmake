# zeroth::cuda: the headers under zeroth/cuda, which nvcc compiles. They need the CUDA runtime, which nvcc links by itself.

if(NOT TARGET zeroth::cuda)
    add_library(zeroth_cuda INTERFACE)
    add_library(zeroth::cuda ALIAS zeroth_cuda)
    target_link_libraries(zeroth_cuda INTERFACE zeroth::zeroth)
endif()
