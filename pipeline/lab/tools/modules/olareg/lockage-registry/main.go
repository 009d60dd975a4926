// The embedded registry: `olareg serve --auth-basic` that hashes a password once, not for each request, that writes one
// manifest of a repository after the other, and that stores a blob once, whatever repositories it is mounted in.
//
// olareg compares a password with its bcrypt hash whenever it is sent, which takes more than all the rest of a request.
// Here an Authorization header that it has accepted once is remembered, by its SHA-256, until the process ends. Every
// user in the file must have all rights: what is accepted for one repository counts for all.
//
// olareg 0.2.2 reads the list of an image's referrers and writes it again without a lock, so that of forty signatures that
// are attached at once it lists five or fifteen.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
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
		Auth: config.ConfigAuth{Handler: remembering(dir, stock.Handler)},
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

const mostBytes = 8 << 20 // of a manifest; clients send at most half of that

func remembering(dir string, check config.AuthHandler) config.AuthHandler {
	var accepted sync.Map // SHA-256 of headers
	var locks sync.Map    // by repository
	return func(repo string, access config.AuthAccess, next http.Handler) http.Handler {
		next = linked(dir, repo, oneByOne(&locks, repo, next))
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

// oneByOne holds the lock of a repository while a manifest is written or deleted there; its content is received before,
// at the client's pace.
func oneByOne(locks *sync.Map, repo string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		changes := r.Method == http.MethodPut || r.Method == http.MethodDelete
		if !changes || !strings.Contains(r.URL.Path, "/manifests/") {
			next.ServeHTTP(w, r)
			return
		}
		content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(content))
		found, _ := locks.LoadOrStore(repo, &sync.Mutex{})
		lock := found.(*sync.Mutex)
		lock.Lock()
		defer lock.Unlock()
		next.ServeHTTP(w, r)
	})
}
