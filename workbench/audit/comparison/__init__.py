"""What does `workbench compare` do: two audits of the same pictures compared, shown as a page, said in sentences?"""
