"""What does `workbench anchors` do: how label anchors lie to each other, said, shown, kept?"""
