// reference-parser says what distribution/reference makes of image references. One JSON text a line on stdin, one
// JSON answer a line on stdout, in the same order.
package main

import (
	_ "crypto/sha256" // digests are known by the hashes that are linked in
	_ "crypto/sha512"
	"encoding/json"
	"fmt"
	"os"

	"github.com/distribution/reference"
)

type answer struct {
	Error    string `json:"error,omitempty"`
	Domain   string `json:"domain"`
	Path     string `json:"path"`
	Tag      string `json:"tag"`
	Digest   string `json:"digest"`
	Full     string `json:"full"`
	Familiar string `json:"familiar"`
}

func main() {
	input, output := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for input.More() {
		var text string
		err := input.Decode(&text)
		if err == nil {
			err = output.Encode(read(text))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func read(text string) answer {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	out := answer{
		Domain: reference.Domain(named), Path: reference.Path(named), Full: named.String(),
		Familiar: reference.FamiliarString(named),
	}
	if tagged, ok := named.(reference.Tagged); ok {
		out.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		out.Digest = digested.Digest().String()
	}
	return out
}
