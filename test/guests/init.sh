#!/system/bin/busybox sh
# The first process of a guest. It makes /system the root, by a mount of its own as on any host, and goes on
# there.
cd /system
/system/bin/busybox mount --bind /system /system
cd /system
/system/bin/busybox mount --move . /
exec /system/bin/busybox chroot . /bin/busybox sh /guest.sh
