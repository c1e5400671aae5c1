package mappings

import (
	"fmt"
	"strings"

	"spillway/warehouse"
)

// columnSet finds the columns of a model by name.
type columnSet []warehouse.Column

// find returns the place of the column called name: by its exact name, else by its name whatever the case where
// only one column has it. Its error says what is there instead.
func (c columnSet) find(name string) (int, error) {
	found, folded := -1, -1
	var alike []string
	for i, column := range c {
		switch {
		case column.Name == name && found >= 0:
			return 0, fmt.Errorf("the model has more than one column %q: name them apart with AS in its SQL", name)
		case column.Name == name:
			found = i
		case strings.EqualFold(column.Name, name):
			folded = i
			alike = append(alike, column.Name)
		}
	}
	switch {
	case found >= 0:
		return found, nil
	case len(alike) == 1:
		return folded, nil
	case len(alike) > 1:
		return 0, fmt.Errorf("the model has no column %q, and more than one that differs from it only in case: %s", name, listed(alike))
	}
	return 0, fmt.Errorf("the model has no column %q; %s", name, among(name, c.names()))
}

func (c columnSet) names() []string {
	names := make([]string, len(c))
	for i := range c {
		names[i] = c[i].Name
	}
	return names
}
