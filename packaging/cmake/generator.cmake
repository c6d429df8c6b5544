# Read by CPack once for each kind of package.
string(TOLOWER ${CPACK_GENERATOR} kind)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/${kind}_layout.cmake)
  set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/${kind}_layout.cmake)
endif()
