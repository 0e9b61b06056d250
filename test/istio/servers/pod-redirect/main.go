// Command pod-redirect sends what a network namespace's programs send over TCP, and what comes to it, through an
// Istio sidecar, as Istio's own init container does. It speaks to the kernel itself: no iptables is needed.
// Run it inside of the namespace.
package main

import (
	"encoding/binary"
	"log"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const (
	outboundPort = 15001
	inboundPort  = 15006
	// The sidecar has this user number in every pod.
	proxyUser = 1337
)

// Answered by the sidecar itself: status, readiness, metrics.
var sidecarPorts = []uint16{15020, 15021, 15090}

func main() {
	connection, err := nftables.New()
	if err != nil {
		log.Fatal(err)
	}
	table := connection.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "sidecar"})
	add := func(chain *nftables.Chain, parts ...[]expr.Any) {
		rule := &nftables.Rule{Table: table, Chain: chain}
		for _, part := range parts {
			rule.Exprs = append(rule.Exprs, part...)
		}
		connection.AddRule(rule)
	}
	output := connection.AddChain(natChain(table, "output", nftables.ChainHookOutput))
	add(output, isUser(proxyUser), accept())
	add(output, isLoopback(), accept())
	add(output, isTCP(), redirectTo(outboundPort))
	input := connection.AddChain(natChain(table, "prerouting", nftables.ChainHookPrerouting))
	for _, port := range sidecarPorts {
		add(input, isTCP(), isPort(port), accept())
	}
	add(input, isTCP(), redirectTo(inboundPort))
	if err := connection.Flush(); err != nil {
		log.Fatalf("the kernel refuses the rules: %v", err)
	}
}

func natChain(table *nftables.Table, name string, hook *nftables.ChainHook) *nftables.Chain {
	return &nftables.Chain{
		Name:     name,
		Table:    table,
		Type:     nftables.ChainTypeNAT,
		Hooknum:  hook,
		Priority: nftables.ChainPriorityNATDest,
	}
}

func isUser(number uint32) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(number)},
	}
}

// The first byte of the destination's address is 127.
func isLoopback() []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 16, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{127}},
	}
}

func isTCP() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
	}
}

func isPort(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
}

func accept() []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
}

func redirectTo(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: binary.BigEndian.AppendUint16(nil, port)},
		&expr.Redir{RegisterProtoMin: 1},
	}
}
