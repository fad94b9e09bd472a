# cmake -DCOMPILER= -DINCLUDES= -DDOCUMENTS= -DQUICKSTART= -DPRELUDE= -DWORK= -P check_snippets.cmake
#
# Compiles every ```cpp block of the documents, each as the body of a function; a block with a main of its own must be the
# quickstart to the letter.

set(include_flags "")
foreach(directory IN LISTS INCLUDES)
    list(APPEND include_flags "-I${directory}")
endforeach()
file(READ "${QUICKSTART}" quickstart)
set(found_quickstart FALSE)
set(count 0)

foreach(document IN LISTS DOCUMENTS)
    cmake_path(GET document STEM name)
    file(READ "${document}" text)
    # CMake's lists split at semicolons and mind brackets.
    string(REPLACE ";" "<semicolon>" text "${text}")
    string(REPLACE "[" "<open>" text "${text}")
    string(REPLACE "]" "<close>" text "${text}")
    string(REGEX MATCHALL "```cpp\n[^`]*```" blocks "${text}")
    set(source "#include \"${PRELUDE}\"\n")
    set(functions 0)
    foreach(block IN LISTS blocks)
        string(REGEX REPLACE "^```cpp\n" "" block "${block}")
        string(REGEX REPLACE "```$" "" block "${block}")
        string(REPLACE "<semicolon>" ";" block "${block}")
        string(REPLACE "<open>" "[" block "${block}")
        string(REPLACE "<close>" "]" block "${block}")
        math(EXPR count "${count} + 1")
        if(block MATCHES "int main\\(")
            if(NOT block STREQUAL quickstart)
                message(FATAL_ERROR "${document}: its program is not ${QUICKSTART}")
            endif()
            set(found_quickstart TRUE)
        else()
            string(REGEX REPLACE "#include[^\n]*\n" "" block "${block}")
            math(EXPR functions "${functions} + 1")
            # A type is defined outside: a local one could have no static members.
            set(types "")
            if(block MATCHES "^struct .*\n};\n")
                string(FIND "${block}" "\n};\n" end)
                math(EXPR end "${end} + 4")
                string(SUBSTRING "${block}" 0 ${end} types)
                string(SUBSTRING "${block}" ${end} -1 block)
            endif()
            string(APPEND source "${types}\nvoid snippet_${functions}() {\n${block}\n}\n")
        endif()
    endforeach()
    if(functions GREATER 0)
        file(WRITE "${WORK}/${name}.cpp" "${source}")
        execute_process(
            COMMAND "${COMPILER}" -std=c++20 -fsyntax-only -w ${include_flags} "${WORK}/${name}.cpp"
            RESULT_VARIABLE result
            ERROR_VARIABLE errors
        )
        if(NOT result EQUAL 0)
            message(FATAL_ERROR "${document}: a snippet does not compile:\n${errors}")
        endif()
        message(STATUS "${document}: ${functions} snippets compile")
    endif()
endforeach()

if(NOT found_quickstart)
    message(FATAL_ERROR "README.md does not show the quickstart")
endif()
if(count LESS 8)
    message(FATAL_ERROR "only ${count} snippets were found; has their form changed?")
endif()
