// A program for containers that hold nothing else: it writes a file, or tries to open a connection.
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
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
