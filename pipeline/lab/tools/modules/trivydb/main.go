// Command trivydb writes a vulnerability database that trivy loads (schema 2:
// trivy.db and metadata.json) into a folder, from a list of advisories in a file.
//
// The list is checked by the caller; see pipeline/lab/seed/advisories.py for its
// form. The same list gives the same bytes: sorted keys, one transaction for each,
// and no time but those in the list.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy-db/pkg/types"
	bolt "go.etcd.io/bbolt"
)

type source struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

type advisory struct {
	ID           string    `json:"id"`
	Bucket       string    `json:"bucket"`
	Package      string    `json:"package"`
	FixedVersion string    `json:"fixed_version"`
	Vulnerable   string    `json:"vulnerable"`
	Severity     string    `json:"severity"`
	Title        string    `json:"title"`
	Description  string    `json:"description"`
	References   []string  `json:"references"`
	Published    time.Time `json:"published"`
	// Scores and vectors by who gives them; the keys are those of trivy's own type.
	CVSS types.VendorCVSS `json:"cvss"`
}

type list struct {
	Updated    time.Time  `json:"updated"`
	NextUpdate time.Time  `json:"next_update"`
	Source     source     `json:"source"`
	Advisories []advisory `json:"advisories"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: trivydb ADVISORIES.json FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "trivydb:", err)
		os.Exit(1)
	}
}

func run(file, dir string) error {
	content, err := os.Open(file)
	if err != nil {
		return err
	}
	defer content.Close()
	var in list
	decoder := json.NewDecoder(content)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return err
	}
	if len(in.Advisories) == 0 {
		return errors.New("no advisories")
	}
	slices.SortFunc(in.Advisories, func(a, b advisory) int {
		return slices.Compare([]string{a.Bucket, a.Package, a.ID}, []string{b.Bucket, b.Package, b.ID})
	})
	// bbolt would append to an existing file, and its bytes would then tell of the past.
	if err := os.Remove(filepath.Join(dir, "trivy.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Nobody reads the file before it is complete, so nothing has to reach the disk early.
	if err := db.Init(dir, db.WithBoltOptions(&bolt.Options{NoSync: true})); err != nil {
		return err
	}
	if err := errors.Join(fill(in), db.Close()); err != nil {
		return err
	}
	return metadata.NewClient(dir).Update(metadata.Metadata{
		Version:    db.SchemaVersion,
		UpdatedAt:  in.Updated,
		NextUpdate: in.NextUpdate,
	})
}

func fill(in list) error {
	from := types.DataSource{ID: types.SourceID(in.Source.ID), Name: in.Source.Name, URL: in.Source.URL}
	for _, a := range in.Advisories {
		severity, err := types.NewSeverity(a.Severity)
		if err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
		store := db.Config{}
		found, flaw := records(a, severity, from.ID)
		err = errors.Join(
			put(func(tx *bolt.Tx) error { return store.PutDataSource(tx, a.Bucket, from) }),
			// A pointer, because the type's own JSON form is defined on pointers.
			put(func(tx *bolt.Tx) error { return store.PutAdvisory(tx, []string{a.Bucket, a.Package}, a.ID, &found) }),
			put(func(tx *bolt.Tx) error { return store.PutVulnerability(tx, a.ID, flaw) }),
		)
		if err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
	}
	return nil
}

// put writes in a transaction of its own: bbolt lays out the buckets that one transaction
// changed in the order of a Go map, which is another one every time.
func put(write func(*bolt.Tx) error) error {
	return db.Config{}.Connection().Update(write)
}

func records(a advisory, severity types.Severity, from types.SourceID) (types.Advisory, types.Vulnerability) {
	found := types.Advisory{FixedVersion: a.FixedVersion}
	if strings.Contains(a.Bucket, "::") { // languages: ranges instead of one fixed version
		found = types.Advisory{VulnerableVersions: []string{a.Vulnerable}}
		if a.FixedVersion != "" {
			found.PatchedVersions = []string{a.FixedVersion}
		}
	} else if a.FixedVersion == "" {
		found.Status = types.StatusAffected
	}
	return found, types.Vulnerability{
		Title:            a.Title,
		Description:      a.Description,
		Severity:         severity.String(),
		VendorSeverity:   types.VendorSeverity{from: severity},
		CVSS:             a.CVSS,
		References:       a.References,
		PublishedDate:    &a.Published,
		LastModifiedDate: &a.Published,
	}
}
