// A program for containers that hold nothing else: it writes a file, tries to open a connection, serves one, or does
// what needs the rights of a root that is not confined.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	switch os.Args[1] {
	case "write":
		if err := os.WriteFile(os.Args[2], []byte(os.Args[3]), 0o644); err != nil {
			panic(err)
		}
	case "dial":
		for _, address := range os.Args[2:] {
			fmt.Println(address, dial(address))
		}
	case "resolve":
		found, err := net.LookupHost(os.Args[2])
		fmt.Println(len(found) > 0, err)
	case "rights":
		rights(os.Args[2])
		fmt.Println("all")
	case "serve":
		rights(os.Args[3])
		listener, err := net.Listen("tcp", ":"+os.Args[2])
		check("listen", err)
		for {
			connection, err := listener.Accept()
			check("accept", err)
			connection.Close()
		}
	}
}

// rights does what BuildKit does to run containers in its own: overlays in a folder of its state, devices, a bridge,
// a control group and namespaces.
func rights(state string) {
	folder := func(name string) string {
		path := filepath.Join(state, name)
		check("folder", os.MkdirAll(path, 0o755))
		return path
	}
	merged := folder("merged")
	layers := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", folder("lower"), folder("upper"), folder("work"))
	check("overlay", syscall.Mount("overlay", merged, "overlay", 0, layers))
	check("overlay", os.WriteFile(filepath.Join(merged, "written"), nil, 0o644))
	check("overlay", syscall.Unmount(merged, 0))

	fuse, err := os.Open("/dev/fuse")
	if err == nil {
		fuse.Close()
	} else if errors.Is(err, syscall.EPERM) { // a kernel without a driver says something else
		check("device", err)
	}
	groups, err := filepath.Glob("/sys/fs/cgroup/devices") // cgroup v1, or v2
	check("control group", err)
	group := filepath.Join(append(groups, "/sys/fs/cgroup")[0], "probe")
	check("control group", os.Mkdir(group, 0o755))
	if len(groups) > 0 {
		check("device rule", os.WriteFile(filepath.Join(group, "devices.allow"), []byte("b *:* rwm"), 0))
	}
	check("control group", os.Remove(group))

	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	check("socket", err)
	name := [16]byte{'p', 'r', 'o', 'b', 'e'}
	const addBridge = 0x89a0 // SIOCBRADDBR
	_, _, failed := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), addBridge, uintptr(unsafe.Pointer(&name)))
	if failed != 0 {
		check("bridge", failed)
	}

	child := exec.Command("/proc/self/exe", "write", filepath.Join(state, "written"), "by a child")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
	}
	said, err := child.CombinedOutput()
	check("namespaces "+strings.TrimSpace(string(said)), err)
}

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "probe: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func dial(address string) string {
	connection, err := net.DialTimeout("tcp", address, 2*time.Second)
	var timeout net.Error
	switch {
	case err == nil:
		connection.Close()
		return "open"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silent"
	default:
		return err.Error()
	}
}
