# zeroth::cuda: the headers under zeroth/cuda, which nvcc compiles. They need the CUDA runtime, which nvcc links by itself.

if(NOT TARGET zeroth::cuda)
    add_library(zeroth::cuda INTERFACE IMPORTED ${zeroth_component_scope})
    target_link_libraries(zeroth::cuda INTERFACE zeroth::zeroth)
endif()
