package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// answer is what one Dockerfile is to BuildKit. Parse says why it is no list of instructions, Meaning why the
// instructions are not accepted; Syntax is the frontend that it asks for, on a line.
type answer struct {
	Syntax       string             `json:"syntax,omitempty"`
	SyntaxLine   int                `json:"syntax_line,omitempty"`
	Parse        string             `json:"parse,omitempty"`
	Meaning      string             `json:"meaning,omitempty"`
	Escape       string             `json:"escape"`
	Instructions []instruction      `json:"instructions"`
	Stages       int                `json:"stages"`
	Platforms    map[string]outcome `json:"platforms"`
}

type instruction struct {
	Keyword string   `json:"keyword"`
	Line    int      `json:"line"`
	End     int      `json:"end"`
	Flags   []string `json:"flags"`
	Heredoc bool     `json:"heredoc"`
}

// outcome is what is named on one platform, stages and scratch left out; Error is the first that cannot be known,
// Unset the variables without a value that FROM looked at. Labels are those of the last stage and the ones below it,
// null where the base's environment has a say.
type outcome struct {
	Error  string             `json:"error,omitempty"`
	Uses   []use              `json:"uses"`
	Unset  []string           `json:"unset"`
	Labels map[string]*string `json:"labels"`
}

type use struct {
	Instruction string `json:"instruction"`
	Name        string `json:"name"`
	Line        int    `json:"line"`
	Platform    string `json:"platform,omitempty"`
}

func read(asked request) answer {
	out := answer{Instructions: []instruction{}, Platforms: map[string]outcome{}}
	if name, _, places, found := parser.DetectSyntax([]byte(asked.Dockerfile)); found {
		out.Syntax, out.SyntaxLine = name, places[0].Start.Line
	}
	result, err := parser.Parse(strings.NewReader(asked.Dockerfile))
	if err != nil {
		out.Parse = err.Error()
		return out
	}
	out.Escape = string(result.EscapeToken)
	for _, node := range result.AST.Children {
		flags := append([]string{}, node.Flags...)
		out.Instructions = append(out.Instructions, instruction{
			strings.ToUpper(node.Value), node.StartLine, node.EndLine, flags, len(node.Heredocs) > 0,
		})
	}
	stages, arguments, err := instructions.Parse(result.AST, nil)
	if err != nil {
		out.Meaning = err.Error()
		return out
	}
	out.Stages = len(stages)
	for _, platform := range asked.Platforms {
		known := variables(platform, stages)
		words := &expander{shell.NewLex(result.EscapeToken), known, asked.Arguments, []string{}, result.EscapeToken}
		uses, err := uses(stages, arguments, words)
		found := outcome{Uses: uses, Unset: words.unset}
		if err != nil {
			found.Error = err.Error()
		} else if found.Labels, err = labels(stages, words); err != nil {
			found.Error = err.Error()
		}
		out.Platforms[platform] = found
	}
	return out
}

// uses are the images that a Dockerfile names, as BuildKit's conversion looks them up: FROM with the ARGs before
// the first one, COPY --from and RUN --mount=from as they are written, if they are no stage. A stage is known to
// the FROMs below it, and to every COPY and RUN.
func uses(stages []instructions.Stage, arguments []instructions.ArgCommand, words *expander) ([]use, error) {
	found := []use{}
	if err := words.take(arguments); err != nil {
		return found, err
	}
	every := map[string]bool{"scratch": true, "": true}
	for _, stage := range stages {
		every[strings.ToLower(stage.Name)] = true
	}
	above := map[string]bool{"scratch": true}
	for number, stage := range stages {
		name, err := words.expand(stage.BaseName)
		if err == nil && name == "" {
			err = errors.New("base name should not be blank")
		}
		on := ""
		if err == nil && stage.Platform != "" {
			on, err = words.expand(stage.Platform)
		}
		if err != nil {
			return found, err
		}
		if !above[name] {
			found = append(found, use{"FROM", name, stage.Location[0].Start.Line, on})
		}
		above[stage.Name] = true
		for _, command := range stage.Commands {
			line := command.Location()[0].Start.Line
			if later, there := command.(*instructions.OnbuildCommand); there && number < len(stages)-1 {
				if command, err = trigger(later); err != nil {
					return found, err
				}
			}
			names, err := sources(command, len(stages))
			if err != nil {
				return found, err
			}
			for _, name := range names {
				if !every[strings.ToLower(name)] {
					found = append(found, use{strings.ToUpper(command.Name()), name, line, ""})
				}
			}
		}
	}
	return found, nil
}

// trigger is what an ONBUILD of a stage that is not the last one puts off to the stages below.
func trigger(later *instructions.OnbuildCommand) (instructions.Command, error) {
	result, err := parser.Parse(strings.NewReader(later.Expression))
	if err != nil {
		return nil, err
	}
	return instructions.ParseCommand(result.AST.Children[0])
}

// sources are the names that a command takes files from. COPY knows stages by number as well.
func sources(command instructions.Command, stages int) ([]string, error) {
	switch command := command.(type) {
	case *instructions.CopyCommand:
		if index, err := strconv.Atoi(command.From); err == nil {
			if index < 0 || index >= stages {
				return nil, fmt.Errorf("invalid stage index %d", index)
			}
			return nil, nil
		}
		return []string{command.From}, nil
	case *instructions.RunCommand:
		out := []string{}
		for _, mount := range instructions.GetMounts(command) {
			out = append(out, mount.From)
		}
		return out, nil
	}
	return nil, nil
}
