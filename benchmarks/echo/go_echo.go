// go_echo [small]: an echo server in Go: a goroutine per client. Prints its port. `small`: with a buffer of 512 bytes.
package main

import (
	"fmt"
	"net"
	"os"
)

func echo(client net.Conn, bufferSize int) {
	defer client.Close()
	buffer := make([]byte, bufferSize)
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
	bufferSize := 4096
	if len(os.Args) > 1 {
		bufferSize = 512
	}
	fmt.Println(server.Addr().(*net.TCPAddr).Port)
	for {
		client, err := server.Accept()
		if err != nil {
			return
		}
		go echo(client, bufferSize)
	}
}
