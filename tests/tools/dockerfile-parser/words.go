package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// values are variables by name.
type values map[string]string

func (v values) Get(name string) (string, bool) { value, there := v[name]; return value, there }
func (v values) Keys() []string                 { return slices.Sorted(maps.Keys(v)) }

// variables are what BuildKit sets for a platform. The engine's own platform is always the same one here.
func variables(platform string, stages []instructions.Stage) values {
	parts := append(strings.Split(platform, "/"), "")
	stage := "default"
	if len(stages) > 0 && stages[len(stages)-1].Name != "" {
		stage = stages[len(stages)-1].Name
	}
	return values{
		"BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": "",
		"BUILDOSVERSION": "", "TARGETPLATFORM": platform, "TARGETOS": parts[0], "TARGETARCH": parts[1],
		"TARGETVARIANT": parts[2], "TARGETOSVERSION": "", "TARGETSTAGE": stage,
	}
}

// expander replaces variables in words, and remembers those that had no value.
type expander struct {
	lex       *shell.Lex
	known     values
	arguments values
	unset     []string
	escape    rune
}

func (e *expander) expand(text string) (string, error) {
	result, err := e.lex.ProcessWordWithMatches(text, e.known)
	e.unset = append(e.unset, slices.Sorted(maps.Keys(result.Unmatched))...)
	return result.Result, err
}

// take adds the ARGs before the first FROM: the build arguments, else the defaults.
func (e *expander) take(arguments []instructions.ArgCommand) error {
	for _, command := range arguments {
		for _, argument := range command.Args {
			if given, there := e.arguments[argument.Key]; there {
				e.known[argument.Key] = given
				continue
			}
			if argument.Value == nil {
				continue
			}
			value, err := e.expand(*argument.Value)
			if err != nil {
				return err
			}
			e.known[argument.Key] = value
		}
	}
	return nil
}

type expansion struct {
	Text  string   `json:"text"`
	Error string   `json:"error,omitempty"`
	Unset []string `json:"unset"`
}

// expandAll gives every word with its variables replaced and quotes removed.
func expandAll(asked request) []expansion {
	escape := '\\'
	if asked.Escape != "" {
		escape = rune(asked.Escape[0])
	}
	out := []expansion{}
	for _, text := range asked.Words {
		words := &expander{shell.NewLex(escape), asked.Values, nil, []string{}, escape}
		found, err := words.expand(text)
		message := ""
		if err != nil {
			message = err.Error()
		}
		out = append(out, expansion{found, message, words.unset})
	}
	return out
}
