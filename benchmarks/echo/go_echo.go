// An echo server in Go: a goroutine per client. Prints its port.
package main

import (
	"fmt"
	"net"
)

func echo(client net.Conn) {
	defer client.Close()
	buffer := make([]byte, 4096)
	for {
		size, err := client.Read(buffer)
		if err != nil {
			return
		}
		if _, err := client.Write(buffer[:size]); err != nil {
			return
		}
	}
}

func main() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(server.Addr().(*net.TCPAddr).Port)
	for {
		client, err := server.Accept()
		if err != nil {
			return
		}
		go echo(client)
	}
}
