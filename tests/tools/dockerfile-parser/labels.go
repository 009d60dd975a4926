package main

import (
	"maps"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// labels are those that the last stage ends with, as BuildKit's conversion dispatches ENV, ARG and LABEL from stage to
// stage. A stage below is looked for as for FROM.
func labels(stages []instructions.Stage, global *expander) (map[string]*string, error) {
	if len(stages) == 0 {
		return nil, nil
	}
	chain, base, err := below(stages, global)
	if err != nil {
		return nil, err
	}
	out := map[string]*string{}
	known := values{}
	if base == "scratch" {
		known["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	lex := shell.NewLex(global.escape)
	expand := func(text string) (*string, error) {
		result, err := lex.ProcessWordWithMatches(text, known)
		if err != nil || (base != "scratch" && len(result.Unmatched) > 0) {
			return nil, err
		}
		return &result.Result, nil
	}
	for _, stage := range chain {
		for _, command := range stage.Commands {
			switch command := command.(type) {
			case *instructions.EnvCommand:
				set := values{}
				for _, pair := range command.Env {
					key, err := expand(pair.Key)
					if err != nil {
						return nil, err
					}
					value, err := expand(pair.Value)
					if err != nil {
						return nil, err
					}
					if key != nil && value != nil {
						set[*key] = *value
					}
				}
				maps.Copy(known, set)
			case *instructions.ArgCommand:
				for _, argument := range command.Args {
					if given, there := global.arguments[argument.Key]; there {
						known[argument.Key] = given
					} else if argument.Value != nil {
						value, err := expand(*argument.Value)
						if err != nil {
							return nil, err
						}
						if value != nil {
							known[argument.Key] = *value
						}
					} else if value, there := global.known[argument.Key]; there {
						known[argument.Key] = value
					}
				}
			case *instructions.LabelCommand:
				for _, pair := range command.Labels {
					key, err := expand(pair.Key)
					if err != nil {
						return nil, err
					}
					value, err := expand(pair.Value)
					if err != nil {
						return nil, err
					}
					if key != nil {
						out[*key] = value
					}
				}
			}
		}
	}
	return out, nil
}

// below are the last stage and those that it is built from, the lowest first, and the image that they stand on.
func below(stages []instructions.Stage, global *expander) ([]instructions.Stage, string, error) {
	chain := []instructions.Stage{}
	at := len(stages) - 1
	for {
		chain = append([]instructions.Stage{stages[at]}, chain...)
		name, err := global.expand(stages[at].BaseName)
		if err != nil {
			return nil, "", err
		}
		next := -1
		for number := range stages[:at] {
			if stages[number].Name != "" && stages[number].Name == name {
				next = number
			}
		}
		if next < 0 {
			return chain, name, nil
		}
		at = next
	}
}
