# heft_add_plugin(KIND FILE.c ...): one shared object per file, named after it, under plugins/<KIND>s/ of the build
# folder, or in CMAKE_LIBRARY_OUTPUT_DIRECTORY if that is set; installed into heft's plugin folder under the prefix.  KIND is layer, optimizer or initializer.  Used by heft
# itself and, from the installed package, by anyone.
function(heft_add_plugin kind)
  if(NOT kind MATCHES "^(layer|optimizer|initializer)$")
    message(FATAL_ERROR "heft_add_plugin: the kind is layer, optimizer or initializer, not '${kind}'")
  endif()
  set(folder ${CMAKE_BINARY_DIR}/plugins/${kind}s)
  if(CMAKE_LIBRARY_OUTPUT_DIRECTORY)
    set(folder ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
  endif()
  foreach(file IN LISTS ARGN)
    get_filename_component(name ${file} NAME_WE)
    set(target heft_${kind}_${name})
    add_library(${target} MODULE ${file})
    set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${name} C_VISIBILITY_PRESET hidden
      C_STANDARD 17 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
      LIBRARY_OUTPUT_DIRECTORY ${folder})
    # Rule R1 holds inside plugins too: no contraction, no fast-math.  Optimized also where no build type is set.
    target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno
      $<$<NOT:$<CONFIG:Debug,RelWithDebInfo>>:-O3>)
    target_link_libraries(${target} PRIVATE heft::plugin m)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/heft/plugins/${kind}s)
  endforeach()
endfunction()
