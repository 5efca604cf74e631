#!/bin/sh
# What is done in a guest. Each step leaves its output and exit status in /results, which is sent to the host
# at the end through the second serial port as a gzipped tar. What is said on the first one is for people.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /results
hostname guest
cd /results

step() { echo "guest: $1 at $(cut -d' ' -f1 /proc/uptime) s"; }

# keyhole NAME WORD...: runs the agent to its end
keyhole() {
	name=$1
	shift
	step "$name"
	timeout 60 node /keyhole/dist/main.js "$@" >"$name.stdout" 2>"$name.stderr" </dev/null
	echo $? >"$name.status"
}

# wait_for TEXT SECONDS: until the agent has written it, or has ended
wait_for() {
	left=$2
	while [ "$left" -gt 0 ] && kill -0 $agent 2>/dev/null && ! grep -q "$1" run.stdout; do
		sleep 1
		left=$((left - 1))
	done
}

uname -r >release
cat /proc/version >version
keyhole doctor doctor --output json

step run
node /keyhole/dist/main.js run --output json --listen off >run.stdout 2>run.stderr </dev/null &
agent=$!
wait_for '"state":"started"' 60
step acts
acts >acts.stdout 2>acts.stderr
echo $? >acts.status
# the last act is the mark that all before it have been published
wait_for '"fd":-4242' 30
step SIGINT
kill -INT $agent
(sleep 20; kill -KILL $agent) 2>/dev/null &
watchdog=$!
wait $agent
echo $? >run.status
kill $watchdog
# files of an initramfs have no time until they are read
find /keyhole/bpf -type f -amin -60 | sed 's,.*/,,' >objects

keyhole scan scan --output json

# Something like a container: a cgroup, a mount and a pid namespace of its own. Its procfs is new, but made
# from the pid namespace of the host, whose processes it shows.
mkdir /sys/fs/cgroup/box
sh -c 'echo $$ >/sys/fs/cgroup/box/cgroup.procs
	exec unshare -m sh -c "mount -t proc proc /proc; exec unshare -p -f sleep 600"' &
left=60
in_box() { sed 's,.*,/proc/&/comm,' /sys/fs/cgroup/box/cgroup.procs; }
until [ "$left" -eq 0 ] || grep -qs '^sleep$' $(in_box) /dev/null; do
	sleep 1
	left=$((left - 1))
done
keyhole box-scan scan --output json
ls -l /proc/[0-9]*/ns | sed -n 's/.* -> //p' | sort -u >links
keyhole tree tree --output json
dmesg >dmesg
step results
stty -F /dev/ttyS1 raw
tar -czf - . >/dev/ttyS1
step off
sync
poweroff -f
