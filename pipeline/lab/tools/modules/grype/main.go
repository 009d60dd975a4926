// Command grypedb writes a vulnerability database that grype loads (schema 6), from the
// list of advisories that trivydb reads: so both scanners can be asked by the same data.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
)

type advisory struct {
	ID           string    `json:"id"`
	Bucket       string    `json:"bucket"`
	Package      string    `json:"package"`
	FixedVersion string    `json:"fixed_version"`
	Severity     string    `json:"severity"`
	Published    time.Time `json:"published"`
}

type list struct {
	Updated    time.Time  `json:"updated"`
	Advisories []advisory `json:"advisories"`
}

// Languages by trivy's names: the type of a package as syft has it, and the format of its versions.
var languages = map[string][2]string{
	"pip":   {"python", "python"},
	"npm":   {"npm", "semver"},
	"maven": {"java-archive", "maven"},
}

// Distributions: the type of their packages, which is the format of their versions.
var systems = map[string]string{"debian": "deb", "ubuntu": "deb", "alpine": "apk"}

// Images name their release by its codename as well, and grype wants both to be right.
var codenames = map[string]string{
	"debian 11": "bullseye", "debian 12": "bookworm", "debian 13": "trixie",
	"ubuntu 20.04": "focal", "ubuntu 22.04": "jammy", "ubuntu 24.04": "noble",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: grypedb ADVISORIES.json FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "grypedb:", err)
		os.Exit(1)
	}
}

func run(file, dir string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var in list
	if err := json.Unmarshal(content, &in); err != nil {
		return err
	}
	store, err := v6.NewWriter(v6.Config{DBDirPath: dir, CacheSizeKiB: 4096})
	if err != nil {
		return err
	}
	return errors.Join(fill(store, in), store.Close())
}

func fill(store v6.ReadWriter, in list) error {
	// grype wants to know when its data was captured, and refuses data without a provider.
	provider := v6.Provider{
		ID: "lockage-lab", Version: "1", Processor: "grypedb", DateCaptured: &in.Updated, InputDigest: "sha256:0",
	}
	if err := errors.Join(store.SetDBMetadata(), store.AddProvider(provider)); err != nil {
		return err
	}
	for _, a := range in.Advisories {
		found, err := affected(a, &provider)
		if err != nil {
			return err
		}
		if err := errors.Join(store.AddVulnerabilities(found.Vulnerability), store.AddAffectedPackages(found)); err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
	}
	return nil
}

func affected(a advisory, provider *v6.Provider) (*v6.AffectedPackageHandle, error) {
	severity := v6.Severity{Scheme: v6.SeveritySchemeCHML, Value: strings.ToLower(a.Severity), Rank: 1}
	handle := &v6.AffectedPackageHandle{Vulnerability: &v6.VulnerabilityHandle{
		Name: a.ID, Status: v6.VulnerabilityActive, PublishedDate: &a.Published, Provider: provider,
		BlobValue: &v6.VulnerabilityBlob{ID: a.ID, Severities: []v6.Severity{severity}},
	}}
	name, _, isLanguage := strings.Cut(a.Bucket, "::")
	kind, format := "", ""
	if isLanguage {
		kind, format = languages[name][0], languages[name][1]
	} else if system, version, ok := strings.Cut(name, " "); ok {
		major, minor, _ := strings.Cut(version, ".")
		handle.OperatingSystem = &v6.OperatingSystem{
			Name: system, ReleaseID: system, MajorVersion: major, MinorVersion: minor, Codename: codenames[name],
		}
		kind, format = systems[system], systems[system]
		if format == "deb" {
			format = "dpkg"
		}
	}
	if kind == "" {
		return nil, fmt.Errorf("%s: the ecosystem %q is unknown", a.ID, a.Bucket)
	}
	handle.Package = &v6.Package{Ecosystem: kind, Name: a.Package}
	constraint, fix := "", v6.Fix{State: v6.NotFixedStatus}
	if a.FixedVersion != "" {
		constraint, fix = "< "+a.FixedVersion, v6.Fix{Version: a.FixedVersion, State: v6.FixedStatus}
	}
	handle.BlobValue = &v6.PackageBlob{
		CVEs:   []string{a.ID},
		Ranges: []v6.Range{{Version: v6.Version{Type: format, Constraint: constraint}, Fix: &fix}},
	}
	return handle, nil
}
