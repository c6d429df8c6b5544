# Run by CPack before the files of a deb are packed: Debian's zsh reads vendor-completions.
set(zsh ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/zsh)
file(MAKE_DIRECTORY ${zsh}/vendor-completions)
file(RENAME ${zsh}/site-functions/_pprofd ${zsh}/vendor-completions/_pprofd)
file(REMOVE_RECURSE ${zsh}/site-functions)
