// A peer for the tests of sockets, in Go's own net and crypto/tls: an echo server, or a client of one.
//
//	go_peer serve  tcp|udp|unix|unixgram|tls ADDRESS [CERTIFICATE KEY AUTHORITY]   echoes; says its address first
//	go_peer talk   tcp|udp|unix|unixgram|tls ADDRESS [CERTIFICATE KEY AUTHORITY]   sends, and fails unless it comes back
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

// Both sides show a certificate and ask for one; the agreed protocol goes with each answer.
func settings(files []string) *tls.Config {
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(files[2])))
	return &tls.Config{
		Certificates: []tls.Certificate{must(tls.LoadX509KeyPair(files[0], files[1]))},
		RootCAs:      authorities, ClientCAs: authorities, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"thrum/1", "other"}, ServerName: "localhost",
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
}

type halfCloser interface{ CloseWrite() error }

func echo(connection net.Conn) {
	defer connection.Close()
	if secure, ok := connection.(*tls.Conn); ok {
		if secure.Handshake() != nil {
			return
		}
		state := secure.ConnectionState()
		fmt.Fprintf(connection, "%s %v %s\n", state.NegotiatedProtocol, state.DidResume,
			state.PeerCertificates[0].Subject.CommonName)
	}
	io.Copy(connection, connection)
	connection.(halfCloser).CloseWrite()
}

func serve(network, address string, files []string) {
	if network == "udp" || network == "unixgram" {
		socket := must(net.ListenPacket(network, address))
		fmt.Println(socket.LocalAddr())
		buffer := make([]byte, 65536)
		for {
			size, from := must2(socket.ReadFrom(buffer))
			socket.WriteTo(buffer[:size], from)
		}
	}
	var listener net.Listener
	if network == "tls" {
		listener = must(tls.Listen("tcp", address, settings(files)))
	} else {
		listener = must(net.Listen(network, address))
	}
	fmt.Println(listener.Addr())
	for {
		go echo(must(listener.Accept()))
	}
}

func must2[A, B any](a A, b B, err error) (A, B) {
	must(a, err)
	return a, b
}

func talk(network, address string, files []string) {
	rounds := 1
	var config *tls.Config
	if network == "tls" {
		rounds, config = 2, settings(files)
	}
	for round := 0; round < rounds; round++ {
		var connection net.Conn
		if config != nil {
			connection = must(tls.Dial("tcp", address, config))
			state := connection.(*tls.Conn).ConnectionState()
			if state.NegotiatedProtocol != "thrum/1" || state.DidResume != (round == 1) {
				fmt.Println("agreed on", state.NegotiatedProtocol, "resumed", state.DidResume)
				os.Exit(1)
			}
		} else {
			connection = must(net.Dial(network, address))
		}
		text := strings.Repeat("from Go ", 20000)
		if network == "udp" {
			text = "from Go"
		}
		sent := make(chan bool)
		go func() {
			must(io.WriteString(connection, text))
			if half, ok := connection.(halfCloser); ok && network != "udp" {
				half.CloseWrite()
			}
			sent <- true
		}()
		var answer []byte
		if network == "udp" {
			answer = make([]byte, 100)
			answer = answer[:must(connection.Read(answer))]
		} else {
			answer = must(io.ReadAll(connection))
		}
		<-sent
		connection.Close()
		if string(answer) != text {
			fmt.Println("the answer is another")
			os.Exit(1)
		}
	}
}

func main() {
	run := map[string]func(string, string, []string){"serve": serve, "talk": talk}[os.Args[1]]
	run(os.Args[2], os.Args[3], os.Args[4:])
}
