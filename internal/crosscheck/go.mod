module github.com/usernet-go/usernet/internal/crosscheck

go 1.26.0

require (
	github.com/gopacket/gopacket v1.7.7
	github.com/usernet-go/usernet v0.0.0
	golang.org/x/sys v0.49.0
	pgregory.net/rapid v1.3.0
)

replace github.com/usernet-go/usernet => ../..
