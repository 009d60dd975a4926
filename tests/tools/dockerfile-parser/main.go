// dockerfile-parser says what BuildKit's own parser makes of Dockerfiles. One JSON request a line on stdin,
// one JSON answer a line on stdout, in the same order.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// request is a Dockerfile with the platforms it is built for and its build arguments, or single words to expand.
type request struct {
	Dockerfile string            `json:"dockerfile"`
	Platforms  []string          `json:"platforms"`
	Arguments  map[string]string `json:"arguments"`
	Words      []string          `json:"words"`
	Values     map[string]string `json:"values"`
	Escape     string            `json:"escape"`
}

func main() {
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	decoder := json.NewDecoder(input)
	for decoder.More() {
		var asked request
		if err := decoder.Decode(&asked); err != nil {
			fail(err)
		}
		var answer any
		if asked.Words != nil {
			answer = expandAll(asked)
		} else {
			answer = read(asked)
		}
		if err := output.Encode(answer); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
