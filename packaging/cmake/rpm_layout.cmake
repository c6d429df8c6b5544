# Run by CPack before the files of an rpm are packed.
file(REMOVE ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/doc/pprofd/changelog.Debian.gz)
