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
	timeout 60 node /keyhole/dist/keyhole.js "$@" >"$name.stdout" 2>"$name.stderr" </dev/null
	echo $? >"$name.status"
}

# wait_for FILE TEXT SECONDS: until the agent has written it, or has ended
wait_for() {
	left=$(($3 * 4))
	while [ "$left" -gt 0 ] && kill -0 $agent 2>/dev/null && ! grep -q "$2" "$1"; do
		sleep 0.25
		left=$((left - 1))
	done
}

# acts MODE: what the programs of this folder do, each of which says it itself
acts() {
	status=0
	for program in acts newer raced; do
		timeout 60 $program || status=$?
	done >"$1.acts.stdout" 2>"$1.acts.stderr"
	echo $status >"$1.acts.status"
	umount /mnt/r/asked
	rm -rf /mnt/*
}

# cases MODE: the programs of test/programs, every case between two marks
cases() {
	number=1000
	for program in calls refused endings; do
		for name in $($program --list); do
			number=$((number + 1))
			mkdir /tmp/case
			timeout 60 $program $name /tmp/case >/dev/null 2>&1
			echo "$number $? $program $name"
			rmdir /tmp/case
			mark $number
		done
	done >"$1.cases"
	for program in compat i386; do
		number=$((number + 1))
		mkdir /tmp/case
		timeout 60 $program /tmp/case >/dev/null 2>&1
		echo "$number $? $program all"
		rmdir /tmp/case
		mark $number
	done >>"$1.cases"
}

# container_opens MODE: a container of its own opens what makes the host's root, what this guest may lack, and what is nobody's harm
container_opens() {
	# the catalogue is read when the first events are out
	left=60
	until [ "$left" -eq 0 ] || grep -q '"entry":"kallsyms"' $1.run.stdout; do
		sleep 1 | unshare -m -p -f opens open /proc/kallsyms r >/dev/null
		left=$((left - 1))
	done
	pattern=/proc/sys/kernel/core_pattern
	mkdir /tmp/proc
	# whoever is still there can be looked at
	sleep 2 | unshare -m -p -f opens open /proc/meminfo r open /proc/loadavg r open $pattern r \
		open /sys/devices/system/cpu/online r open /proc/self/stat r \
		open $pattern w openat /proc/sys/kernel core_pattern w openat2 $pattern w creat $pattern \
		int80-open $pattern w int80-openat $pattern w int80-openat2 $pattern w int80-creat $pattern \
		proc /tmp/proc open /tmp/proc/sys/kernel/core_pattern w open /proc/1/root$pattern w \
		open /proc/1/environ r open /proc/1/task/1/maps r open /proc/1/net/tcp r \
		open /proc/kcore r open /proc/sysrq-trigger w open /proc/sched_debug r open /proc/scsi/scsi r \
		open /proc/timer_list r open /sys/kernel/uevent_helper w io_uring $pattern w \
		>$1.opens.stdout 2>$1.opens.stderr
	echo $? >$1.opens.status
	opens open $pattern w open /proc/1/environ r </dev/null >/dev/null
	rmdir /tmp/proc
	mark 998
}

# observe MODE: the agent in an attach mode, while all that is done
observe() {
	step "$1"
	node /keyhole/dist/keyhole.js run --output json --listen off --attach $1 >$1.run.stdout 2>$1.run.stderr </dev/null &
	agent=$!
	wait_for $1.run.stdout '"state":"started"' 60
	step "$1 acts"
	acts $1
	mark 999
	step "$1 opens"
	container_opens $1
	step "$1 cases"
	cases $1
	step "$1 crowd"
	crowd 6 150 2>"$1.crowd.stderr"
	echo $? >"$1.crowd.status"
	mark 9999
	wait_for $1.run.stdout '"fd":-9999' 60
	step "$1 SIGINT"
	kill -INT $agent
	(sleep 30; kill -KILL $agent) 2>/dev/null &
	watchdog=$!
	wait $agent
	echo $? >$1.run.status
	kill $watchdog
	# whoever detaches the programs behind it
	while pidof node >/dev/null; do sleep 0.25; done
}

uname -r >release
cat /proc/version >version
keyhole doctor doctor --output json
observe tracepoint
observe fentry
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

# Procfs instances as every kernel has them, one of them mounted nowhere; and the agent's own view of the mounts.
mkdir /tmp/hidden /tmp/bound /tmp/group /tmp/subset /tmp/inside
mount -t proc -o hidepid=2 hidden /tmp/hidden
mount -t proc -o hidepid=1,gid=7 group /tmp/group
mount -t proc -o subset=pid subset /tmp/subset
# through a bind the original gets other options; a file lies over one, as those of LXCFS do
mount --bind /tmp/hidden /tmp/bound
mount -t proc -o remount,hidepid=1 hidden /tmp/bound
echo fake >/tmp/fake
mount --bind /tmp/fake /tmp/group/meminfo
hold >held &
holder=$!
left=60
until [ "$left" -eq 0 ] || [ -s held ]; do sleep 1; left=$((left - 1)); done
inside=$(for pid in $(cat /sys/fs/cgroup/box/cgroup.procs); do grep -q '^sleep$' /proc/$pid/comm && echo $pid; done | tail -n 1)
# since 6.17 a procfs can be made of any pid namespace
mount -t proc -o pidns=/proc/$inside/ns/pid inside /tmp/inside 2>/dev/null
readlink /proc/$inside/ns/pid >box.pidns
cat /proc/self/mountinfo >mountinfo
cat /proc/$inside/mountinfo >box.mountinfo
grep ^NSpid: /proc/$inside/status >box.nspid
keyhole procfs procfs --output json
keyhole pid pid --output json $inside
ip link set lo up
node /keyhole/dist/keyhole.js run --output none --listen 127.0.0.1:9917 2>agent.stderr </dev/null &
agent=$!
box=$(readlink /proc/$inside/ns/mnt | tr -dc 0-9)
left=120
until [ "$left" -eq 0 ] || wget -qO mounts "http://127.0.0.1:9917/v1/mounts?ns=$box" 2>/dev/null; do
	sleep 0.5
	left=$((left - 1))
done
kill -INT $agent
wait $agent
echo $? >agent.status
kill $holder
umount /tmp/group/meminfo /tmp/bound /tmp/hidden /tmp/group /tmp/subset
umount /tmp/inside 2>/dev/null
ls -l /proc/[0-9]*/ns | sed -n 's/.* -> //p' | sort -u >links
keyhole tree tree --output json
dmesg >dmesg
step results
stty -F /dev/ttyS1 raw
tar -czf - . >/dev/ttyS1
step off
sync
poweroff -f
