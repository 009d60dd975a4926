// Reads a JSON value a line, {"policy": CUE, "statement": {…}}, and writes one: why CUE refuses the statement, or "".
// Sigstore's policy-controller decides by the same call.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"cuelang.org/go/cue/cuecontext"
	cuejson "cuelang.org/go/encoding/json"
)

type question struct {
	Policy    string          `json:"policy"`
	Statement json.RawMessage `json:"statement"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(answer(asked)); err != nil {
			os.Exit(1)
		}
	}
}

func answer(asked question) string {
	policy := cuecontext.New().CompileString(asked.Policy)
	if err := policy.Err(); err != nil {
		return err.Error()
	}
	if err := cuejson.Validate(asked.Statement, policy); err != nil {
		return err.Error()
	}
	return ""
}
