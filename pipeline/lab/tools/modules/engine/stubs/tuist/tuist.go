// Package tuist is a headless stand-in: the engine and CLI are built without the interactive TUI.
package tuist

import (
	"errors"
	"image/color"
	"io"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

var _ color.Color

var errHeadless = errors.New("interactive terminal UI is not part of this build: use --progress=plain")

type Context struct {
	Width, Height int
	Row, Col      int
}

func (Context) Lines(...string)           {}
func (Context) Line(string)               {}
func (Context) ScreenHeight() int         { return 0 }
func (c Context) Resize(w, h int) Context { c.Width, c.Height = w, h; return c }
func (Context) SetFocus(Component)        {}
func (Context) Recycle() []string         { return nil }

type Component interface{ Render(Context) }

type Compo struct{}

func (*Compo) Update()                                              {}
func (*Compo) RequestRender(bool)                                   {}
func (*Compo) Dispatch(fn func())                                   {}
func (*Compo) RenderChild(Context, Component) []string              { return nil }
func (*Compo) RenderChildInline(Context, Component) string          { return "" }
func (*Compo) RenderChildResult(Context, Component) RenderResult    { return RenderResult{} }
func (*Compo) RenderRecycledResult(Context, Component) RenderResult { return RenderResult{} }

type RenderResult struct{ Lines []string }

type Interactive interface {
	Component
	HandleKeyPress(Context, uv.KeyPressEvent) bool
}
type Focusable interface {
	Component
	SetFocused(Context, bool)
}
type Mounter interface{ OnMount(Context) }
type Dismounter interface{ OnDismount() }
type Hoverable interface{ SetHovered(Context, bool) }
type MouseEnabled interface {
	HandleMouse(Context, MouseEvent) bool
}

type MouseEvent struct {
	uv.MouseEvent
	Row, Col int
}

type Container struct {
	Compo
	Children []Component
}

func (*Container) Render(Context)         {}
func (c *Container) AddChild(x Component) { c.Children = append(c.Children, x) }
func (*Container) RemoveChild(Component)  {}
func (*Container) Clear()                 {}

type Spinner struct {
	Compo
	Style  func(string) string
	Label  string
	Frames []string
	Epoch  time.Time
}

func NewSpinner() *Spinner      { return &Spinner{} }
func (*Spinner) Render(Context) {}
func (*Spinner) Start()         {}
func (*Spinner) Stop()          {}

type Completion struct {
	Label, InsertText, Detail, Documentation, DisplayLabel, Kind string
}
type CompletionResult struct {
	Items       []Completion
	ReplaceFrom int
}

type TextInput struct {
	Compo
	Prompt          string
	Suggestion      string
	Multiline       bool
	OnSubmit        func(Context, string) bool
	OnChange        func(Context)
	SuggestionStyle func(string) string
	KeyInterceptor  func(Context, uv.KeyPressEvent) bool
}

func NewTextInput(prompt string) *TextInput                      { return &TextInput{Prompt: prompt} }
func (*TextInput) Render(Context)                                {}
func (*TextInput) HandleKeyPress(Context, uv.KeyPressEvent) bool { return false }
func (*TextInput) Value() string                                 { return "" }
func (*TextInput) SetValue(string)                               {}
func (*TextInput) InsertRune(rune)                               {}
func (*TextInput) CursorEnd()                                    {}
func (*TextInput) CursorPos() int                                { return 0 }

type CompletionMenu struct {
	Compo
	DetailRenderer func(Completion, int) []string
}

func NewCompletionMenu(*TextInput, func(string, int) CompletionResult) *CompletionMenu {
	return &CompletionMenu{}
}
func (*CompletionMenu) Render(Context)                                {}
func (*CompletionMenu) Hide()                                         {}
func (*CompletionMenu) HandleKeyPress(Context, uv.KeyPressEvent) bool { return false }

type Anchor int

const AnchorTopRight Anchor = iota

type Size int

func SizeAbs(n int) Size { return Size(n) }

type OverlayMargin struct{ Top, Right, Bottom, Left int }
type OverlayOptions struct {
	Width  Size
	Anchor Anchor
	Margin OverlayMargin
}
type OverlayHandle struct{}

func (*OverlayHandle) Hide()                      {}
func (*OverlayHandle) Remove()                    {}
func (*OverlayHandle) SetOptions(*OverlayOptions) {}

type Terminal interface{}

func NewStdTerminal() Terminal { return nil }

type TUI struct{ Container }

func New(Terminal) *TUI                                             { return &TUI{} }
func (*TUI) Start() error                                           { return errHeadless }
func (*TUI) Stop()                                                  {}
func (*TUI) SetFocus(Component)                                     {}
func (*TUI) SetShowHardwareCursor(bool)                             {}
func (*TUI) SetDebugWriter(io.Writer)                               {}
func (*TUI) RenderLines() []string                                  { return nil }
func (*TUI) ShowOverlay(Component, *OverlayOptions) *OverlayHandle  { return &OverlayHandle{} }
func (*TUI) Exec(func(io.Reader, io.Writer, io.Writer) error) error { return errHeadless }
func (*TUI) AddInputListener(any) func()                            { return func() {} }
