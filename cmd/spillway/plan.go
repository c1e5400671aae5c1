package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"spillway/syncer"
)

func (a *app) planCommand() *cobra.Command {
	var chosen selection
	var detailed, showValues bool
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what a run would send; nothing is sent, nothing is kept",
		Long: `Plan reads the models, compares them with what the destinations last accepted, and shows what a run would
send: how many rows are added, changed and removed, which fields change, what the guards say, and how many requests
it takes. It may run beside a run in progress.`,
		Example: `  spillway plan
  spillway plan -s contacts --show-values
  spillway plan -s tag:crm --json --detailed-exitcode`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.load()
			if err != nil {
				return err
			}
			syncs, err := chosen.of(a, p)
			if err != nil {
				return err
			}
			var plans []*syncer.Plan
			var failures []error
			err = a.withReader(cmd.Context(), p, func(e *syncer.Engine) error {
				for _, s := range syncs {
					plan, err := e.Plan(cmd.Context(), s, showValues)
					if err != nil {
						failures = append(failures, fmt.Errorf("sync %s: %w", s.Name, err))
						plan = syncer.FailedPlan(s, err)
					}
					plans = append(plans, plan)
				}
				return nil
			})
			a.progressDone()
			if err != nil {
				return err
			}
			if err := a.showPlans(plans); err != nil {
				return err
			}
			return a.planOutcome(plans, failures, detailed)
		},
	}
	chosen.flags(a, cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 2 when there are changes, 0 when there are none")
	cmd.Flags().BoolVar(&showValues, "show-values", false, "show the values in the samples")
	return cmd
}

func (a *app) showPlans(plans []*syncer.Plan) error {
	if a.json {
		if plans == nil {
			plans = []*syncer.Plan{}
		}
		return a.printJSON(map[string]any{"plans": plans})
	}
	if len(plans) > 0 {
		a.renderPlans(plans)
	}
	return nil
}

// planOutcome is the exit code of a plan: a failure comes before a hold, and a hold before changes.
func (a *app) planOutcome(plans []*syncer.Plan, failures []error, detailed bool) error {
	if len(failures) > 0 {
		code := codeOf(failures[0])
		for _, err := range failures {
			if a.json || !terminal(a.out.file) { // a person has just read it in the plan
				a.complain(err)
			}
			if codeOf(err) == exitFailed {
				code = exitFailed
			}
		}
		return outcome(code)
	}
	due, held := false, false
	for _, p := range plans {
		due = due || p.Due()
		held = held || p.Guard.Held
	}
	switch {
	case held:
		return outcome(exitHeld)
	case detailed && due:
		return outcome(exitChanges)
	}
	return nil
}
