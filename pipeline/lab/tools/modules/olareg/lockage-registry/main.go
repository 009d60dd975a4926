// The embedded registry: `olareg serve --auth-basic` that hashes a password once, not for each request.
//
// olareg compares a password with its bcrypt hash whenever it is sent, which takes more than all the rest of a request.
// Here an Authorization header that it has accepted once is remembered, by its SHA-256, until the process ends. Every
// user in the file must have all rights: what is accepted for one repository counts for all.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:5000", "address to listen on")
	dir := flag.String("dir", "", "folder of the content")
	users := flag.String("auth-basic", "", "olareg's file of users")
	flag.Parse()
	if *dir == "" || *users == "" {
		fmt.Fprintln(os.Stderr, "--dir and --auth-basic are required")
		os.Exit(2)
	}
	if err := serve(*addr, *dir, *users); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(addr, dir, users string) error {
	yes := true
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stock := config.NewAuthBasicFile(users, config.WithAuthSlog(log))
	server := olareg.New(config.Config{
		HTTP:    config.ConfigHTTP{Addr: addr},
		Storage: config.ConfigStorage{StoreType: config.StoreDir, RootDir: dir},
		Log:     log,
		API: config.ConfigAPI{
			DeleteEnabled: &yes,
			Blob:          config.ConfigAPIBlob{DeleteEnabled: &yes},
		},
		Auth: config.ConfigAuth{Handler: remembering(stock.Handler)},
	})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(context.Background()) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.Shutdown(context.Background())
	}
}

func remembering(check config.AuthHandler) config.AuthHandler {
	var accepted sync.Map // SHA-256 of headers
	return func(repo string, access config.AuthAccess, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			header := r.Header.Get("Authorization")
			sum := sha256.Sum256([]byte(header))
			if _, known := accepted.Load(sum); known {
				next.ServeHTTP(w, r)
				return
			}
			check(repo, access, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if header != "" {
					accepted.Store(sum, struct{}{})
				}
				next.ServeHTTP(w, r)
			})).ServeHTTP(w, r)
		})
	}
}
