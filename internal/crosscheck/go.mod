module github.com/usernet-go/usernet/internal/crosscheck

go 1.26

require github.com/usernet-go/usernet v0.0.0

replace github.com/usernet-go/usernet => ../..
