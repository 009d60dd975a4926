package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	repoName   = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	blobDigest = regexp.MustCompile(`^sha256:([0-9a-f]{64})$`)
	reserved   = []string{"blobs", "index.json", "oci-layout"} // no part of a repository's name: what olareg keeps in each
)

// linked makes a blob that is mounted from another repository a further name of the same file. olareg 0.2.2 copies and
// hashes it: a base of 30 MB, once for every repository with an image on it.
//
// olareg answers that the blob was created when it finds the file there. When this can't be done, it copies. Like a copy,
// a link is made only of what has its digest: a machine that lost its power may have left half a file.
func linked(dir, repo string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/blobs/uploads/") {
			query := r.URL.Query()
			_ = link(dir, query.Get("from"), repo, query.Get("mount"))
		}
		next.ServeHTTP(w, r)
	})
}

func link(dir, from, to, digest string) error {
	sum := blobDigest.FindStringSubmatch(digest)
	if sum == nil || !usable(from) || !usable(to) {
		return os.ErrInvalid
	}
	source := filepath.Join(dir, from, "blobs", "sha256", sum[1])
	target := filepath.Join(dir, to, "blobs", "sha256", sum[1])
	if err := verified(source, sum[1]); err != nil {
		return err
	}
	// olareg's collection of garbage spares what is new, until a manifest names it.
	now := time.Now()
	if err := os.Chtimes(source, now, now); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.Link(source, target)
}

var intact sync.Map // by SHA-256, the file that had it; each is read once while the process runs

func verified(path, want string) error {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return os.ErrNotExist
	}
	if known, ok := intact.Load(want); ok {
		if file := known.(os.FileInfo); os.SameFile(file, info) && file.Size() == info.Size() {
			return nil
		}
	}
	content, err := os.Open(path)
	if err != nil {
		return err
	}
	defer content.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, content); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != want {
		return os.ErrInvalid
	}
	intact.Store(want, info)
	return nil
}

func usable(repo string) bool {
	return repoName.MatchString(repo) && !slices.ContainsFunc(strings.Split(repo, "/"), func(part string) bool {
		return slices.Contains(reserved, part)
	})
}
