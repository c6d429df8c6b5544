# CPack's settings. One package holds everything; its scripts are in packaging/deb and packaging/rpm.
set(CPACK_PACKAGE_NAME pprofd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_VENDOR pprofd)
set(CPACK_PACKAGE_CONTACT "pprofd maintainers <maintainers@pprofd.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "system-wide sampling profiler that writes pprof profiles")
set(CPACK_PACKAGE_DESCRIPTION
"Samples the stacks of all processes by eBPF, without changing or restarting them, and keeps one pprof
profile per process and minute, with names, lines and inlined functions. One-shot recordings, a service
with store, HTTP and web page, and shipping to other systems.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # /etc is outside of the prefix
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_GENERATOR DEB RPM)
set(CPACK_MONOLITHIC_INSTALL ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)

set(scripts ${CMAKE_CURRENT_SOURCE_DIR})
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# libcurl is loaded where requests are made: no tool finds it in the program.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4 (>= 7.88), passwd")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "systemd")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${scripts}/deb/conffiles ${scripts}/deb/postinst ${scripts}/deb/prerm
                                       ${scripts}/deb/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_RELEASE 1)
set(CPACK_RPM_PACKAGE_LICENSE "Apache-2.0 AND (GPL-2.0-only OR Apache-2.0)")
set(CPACK_RPM_PACKAGE_GROUP "Development/Tools")
set(CPACK_RPM_PACKAGE_AUTOREQ yes)
set(CPACK_RPM_PACKAGE_AUTOPROV no)
set(CPACK_RPM_PACKAGE_REQUIRES "libcurl.so.4()(64bit)")
set(CPACK_RPM_PACKAGE_REQUIRES_POST "shadow-utils")
set(CPACK_RPM_USER_FILELIST "%config(noreplace) /etc/pprofd/pprofd.toml" "%license /usr/share/doc/pprofd/copyright")
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${scripts}/rpm/post.sh)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${scripts}/rpm/preun.sh)
set(CPACK_RPM_POST_UNINSTALL_SCRIPT_FILE ${scripts}/rpm/postun.sh)
set(CPACK_RPM_COMPRESSION_TYPE xz)
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
set(CPACK_RPM_PACKAGE_DESCRIPTION ${CPACK_PACKAGE_DESCRIPTION})
set(CPACK_RPM_CHANGELOG_FILE ${CMAKE_CURRENT_BINARY_DIR}/changelog.rpm)
# Folders of the system belong to the system's own packages.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /etc /usr/bin /usr/lib /usr/lib/systemd /usr/lib/systemd/system /usr/lib/systemd/system-preset
    /usr/lib/sysusers.d /usr/lib/tmpfiles.d /usr/share /usr/share/bash-completion
    /usr/share/bash-completion/completions /usr/share/doc /usr/share/fish
    /usr/share/fish/vendor_completions.d /usr/share/man /usr/share/man/man1 /usr/share/zsh
    /usr/share/zsh/site-functions)
# Two builds are one file: no host, no time but SOURCE_DATE_EPOCH's, no debug package of CPack's own.
set(CPACK_RPM_SPEC_MORE_DEFINE
"%global _buildhost reproducible
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%global _build_id_links none
%global debug_package %{nil}
%global __os_install_post %{nil}")
set(CPACK_RPM_PACKAGE_DEBUG OFF)

set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/generator.cmake)
include(CPack)
