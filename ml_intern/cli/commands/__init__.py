"""The commands, as they are typed. Each brings in what does its work only when it is run."""
