# $1: how many versions are installed now. Whether the service is enabled is the presets' to say; it is
# not started by a first installation, as is the rule of these distributions.
if command -v systemd-sysusers >/dev/null 2>&1; then
  systemd-sysusers pprofd.conf || :
fi
if ! getent passwd pprofd >/dev/null; then
  getent group pprofd >/dev/null || groupadd --system pprofd || :
  useradd --system --gid pprofd --home-dir /var/lib/pprofd --no-create-home \
    --shell /usr/sbin/nologin --comment "Profiles of all processes" pprofd || :
fi
if command -v systemctl >/dev/null 2>&1; then
  [ "$1" -ne 1 ] || systemctl --no-reload preset pprofd.service >/dev/null 2>&1 || :
  if [ -d /run/systemd/system ]; then
    systemd-tmpfiles --create pprofd.conf >/dev/null 2>&1 || :
    systemctl daemon-reload >/dev/null 2>&1 || :
  fi
fi
