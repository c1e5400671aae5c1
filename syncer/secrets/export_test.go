package secrets

// Look makes a secret that is looked up by look, for tests of what is common to all of them.
var Look = newSecret

// CommandWithin is Command with another time to end.
var CommandWithin = commandWithin
