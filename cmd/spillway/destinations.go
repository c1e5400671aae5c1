package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"spillway/destinations"
	destinationsall "spillway/destinations/all"
	"spillway/syncer"
	"spillway/syncer/project"
	"spillway/syncer/settings"
)

// service describes a kind of destination, or one that the project configures.
type service struct {
	Name       string             `json:"name"`
	Title      string             `json:"title"`
	Docs       string             `json:"docs"`
	Configured bool               `json:"configured"`
	Type       string             `json:"type"`
	Settings   []settings.Setting `json:"settings"`
}

// description is a service with what it takes.
type description struct {
	service
	Account string   `json:"account,omitempty"` // that a configured one reaches, where the service tells
	Objects []object `json:"objects"`
}

type object struct {
	Name        string            `json:"name"`
	Operations  []destinations.Op `json:"operations"`
	Identifiers []string          `json:"identifiers"`
	MaxBatch    int               `json:"max_batch"`
}

func newService(name string, d destinations.Definition, configured bool) service {
	return service{Name: name, Title: d.Title, Docs: d.Docs, Configured: configured, Type: d.Name, Settings: settings.Describe(d.Config())}
}

func (a *app) destinationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "destinations", Short: "See what services there are, with their settings, objects and fields", Args: subcommand,
		Example: "  spillway destinations list\n  spillway destinations describe hubspot\n  spillway destinations fields hubspot contacts",
		RunE:    func(*cobra.Command, []string) error { return a.listDestinations() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the kinds of destinations and those that the project configures", Args: noArguments,
			Example: "  spillway destinations list --json",
			RunE:    func(*cobra.Command, []string) error { return a.listDestinations() },
		},
		&cobra.Command{
			Use: "describe NAME", Short: "Show the settings and objects of a kind or of a configured destination", Args: arguments("NAME"),
			Example: "  spillway destinations describe http",
			RunE:    func(cmd *cobra.Command, args []string) error { return a.describeDestination(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "objects NAME", Short: "List the objects of a configured destination, as the account has them", Args: arguments("NAME"),
			Example: "  spillway destinations objects hubspot",
			RunE:    func(cmd *cobra.Command, args []string) error { return a.showObjects(cmd, args[0]) },
		},
		&cobra.Command{
			Use: "fields NAME OBJECT", Short: "List the fields of an object, as the account has them", Args: arguments("NAME", "OBJECT"),
			Example: "  spillway destinations fields hubspot contacts",
			RunE:    func(cmd *cobra.Command, args []string) error { return a.showFields(cmd, args[0], args[1]) },
		},
	)
	return cmd
}

// configured returns the project's destinations; a directory without a project has none.
func (a *app) configured() (*project.Project, error) {
	if a.projectDir == "" {
		if _, err := project.Find("."); err != nil {
			return &project.Project{}, nil //nolint:nilerr // the kinds can be shown without a project
		}
	}
	return a.load()
}

func (a *app) listDestinations() error {
	p, err := a.configured()
	if err != nil {
		return err
	}
	var list []service
	for _, d := range destinationsall.Definitions() {
		list = append(list, newService(d.Name, d, false))
	}
	for _, name := range sortedNames(p.Destinations) {
		list = append(list, newService(name, p.Destinations[name].Kind, true))
	}
	if a.json {
		return a.printJSON(map[string]any{"destinations": list})
	}
	a.renderServices(p, list)
	return nil
}

// definition finds a configured destination or a kind by name.
func (a *app) definition(p *project.Project, name string) (destinations.Definition, bool, error) {
	if d, ok := p.Destinations[name]; ok {
		return d.Kind, true, nil
	}
	var names []string
	for _, d := range destinationsall.Definitions() {
		if d.Name == name {
			return d, false, nil
		}
		names = append(names, d.Name)
	}
	return destinations.Definition{}, false, usagef("there is no destination %q%s", name, settings.Hint(name, append(names, sortedNames(p.Destinations)...)))
}

func (a *app) describeDestination(cmd *cobra.Command, name string) error {
	p, err := a.configured()
	if err != nil {
		return err
	}
	d, configured, err := a.definition(p, name)
	if err != nil {
		return err
	}
	about := description{service: newService(name, d, configured), Objects: described(d.Objects)}
	if configured {
		if err := a.askAccount(cmd, p, &about); err != nil {
			a.note("The objects are those that every account has: %s", safeLines(err.Error()))
		}
	}
	if a.json {
		return a.printJSON(about)
	}
	a.renderDescription(about)
	return nil
}

// askAccount fills in what the account of a configured destination has, and which it is where that can be told.
func (a *app) askAccount(cmd *cobra.Command, p *project.Project, about *description) error {
	return a.withDestination(cmd, p, about.Name, func(d destinations.Destination) error {
		objects, err := d.Objects(cmd.Context())
		if err != nil {
			return fmt.Errorf("list the objects of destination %s: %w", about.Name, err)
		}
		about.Objects = described(objects)
		if err := d.Check(cmd.Context()); err != nil {
			a.note("The account could not be asked for its name: %s", safeLines(err.Error()))
		}
		about.Account = destinations.AccountOf(d)
		return nil
	})
}

func described(objects []destinations.Object) []object {
	list := make([]object, len(objects))
	for i, o := range objects {
		list[i] = object{Name: o.Name, Operations: o.Operations, Identifiers: o.Identifiers, MaxBatch: o.MaxBatch}
		if o.Identifiers == nil {
			list[i].Identifiers = []string{}
		}
	}
	return list
}

// withDestination opens one of the project's destinations and works with it.
func (a *app) withDestination(cmd *cobra.Command, p *project.Project, name string, work func(destinations.Destination) error) error {
	if _, ok := p.Destinations[name]; !ok {
		return usagef("the project configures no destination %q%s", name, settings.Hint(name, sortedNames(p.Destinations)))
	}
	return a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
		d, err := e.Destination(cmd.Context(), name)
		if err != nil {
			return err
		}
		return work(d)
	})
}

func (a *app) objects(cmd *cobra.Command, p *project.Project, name string) (objects []destinations.Object, err error) {
	err = a.withDestination(cmd, p, name, func(d destinations.Destination) error {
		objects, err = d.Objects(cmd.Context())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the objects of destination %s: %w", name, err)
	}
	return objects, nil
}

func (a *app) showObjects(cmd *cobra.Command, name string) error {
	p, err := a.load()
	if err != nil {
		return err
	}
	objects, err := a.objects(cmd, p, name)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"objects": described(objects)})
	}
	a.renderObjects(described(objects))
	return nil
}

func (a *app) showFields(cmd *cobra.Command, name, object string) error {
	p, err := a.load()
	if err != nil {
		return err
	}
	var fields []destinations.Field
	var objects []destinations.Object
	err = a.withDestination(cmd, p, name, func(d destinations.Destination) error {
		if fields, err = d.Fields(cmd.Context(), object); !errors.Is(err, destinations.ErrNoObject) {
			return err
		}
		var failed error
		objects, failed = d.Objects(cmd.Context())
		return errors.Join(err, failed)
	})
	switch {
	case errors.Is(err, destinations.ErrNoObject):
		return usagef("destination %s has no object %q%s; see: spillway destinations objects %s", name, object, meant(object, objects), name)
	case err != nil:
		return fmt.Errorf("list the fields of %s at destination %s: %w", object, name, err)
	}
	if a.json {
		return a.printJSON(map[string]any{"fields": listed(fields)})
	}
	a.renderFields(name, fields)
	return nil
}

// meant is what a name that is none of the objects is most likely a misspelling of.
func meant(name string, objects []destinations.Object) string {
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = o.Name
	}
	if near := settings.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// field is a field as the JSON of fields shows it.
type field struct {
	Name     string                 `json:"name"`
	Label    string                 `json:"label"`
	Type     destinations.FieldType `json:"type"`
	Required bool                   `json:"required"`
	Enum     []string               `json:"enum"`
}

func listed(fields []destinations.Field) []field {
	list := make([]field, len(fields))
	for i, f := range fields {
		list[i] = field{f.Name, f.Label, f.Type, f.Required, f.Enum}
		if f.Enum == nil {
			list[i].Enum = []string{}
		}
	}
	return list
}
