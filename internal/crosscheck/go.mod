module github.com/usernet-go/usernet/internal/crosscheck

go 1.26.0

require (
	github.com/gopacket/gopacket v1.7.7
	github.com/usernet-go/usernet v0.0.0
	github.com/usernet-go/usernet/link/rawip v0.0.0
	golang.org/x/sys v0.49.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/mdlayher/netlink v1.11.2 // indirect
	github.com/mdlayher/socket v0.6.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
)

replace github.com/usernet-go/usernet => ../..

replace github.com/usernet-go/usernet/link/rawip => ../../link/rawip
